import type { Session, TurnOptions } from '@reticle/sdk';
import type { Context } from '../context.ts';
import { NEW_CHAT, stepChat, type ChatEffect, type ChatEvent } from './chat-model.ts';
import { parseKeys } from './keys.ts';
import { lineText } from './line-editor.ts';
import { leave, newScreen, paint } from './screen.ts';
import { Speaker } from './speaker.ts';

/** A repaint per frame of a usual screen: text comes in a thousand pieces a second. */
const REPAINT_MS = 33;

/** The chat at a terminal, until it is left; gives the exit status. */
export async function chatAtTerminal(context: Context, session: Session, turns: TurnOptions): Promise<number> {
  const { terminal, env, signals } = context;
  const left = Promise.withResolvers<number>();
  let model = NEW_CHAT;
  let screen = newScreen(terminal.columns);
  let unpainted = '';
  let cancelRepaint: (() => void) | undefined;

  const repaint = (): void => {
    cancelRepaint = undefined;
    const { line } = model;
    const footer = { status: statusLine(), prompt: lineText(line), cursor: line.cursor };
    const painted = paint(screen, unpainted, footer);
    unpainted = '';
    screen = painted.screen;
    terminal.out(painted.output);
  };
  const show = (text: string): void => {
    unpainted += text;
    cancelRepaint ??= env.clock.after(REPAINT_MS, repaint);
  };
  const note = (line: string): void => show(`${atLineStart() ? '' : '\n'}${line}\n`);
  const atLineStart = (): boolean => (unpainted === '' ? screen.tail === '' : unpainted.endsWith('\n'));
  const step = (event: ChatEvent): void => {
    const next = stepChat(model, event);
    ({ model } = next);
    next.effects.forEach(apply);
    show('');
  };
  const over = (): void => step({ kind: 'turn-over' });
  const listener = { text: show, note, changed: () => show(''), over };
  const speaker = new Speaker({ session, clock: env.clock, turns }, listener);
  const statusLine = (): string => {
    const hint = model.phase === 'idle' ? 'Enter asks · Ctrl-D leaves' : 'Esc interrupts · Enter redirects';
    return `${speaker.status === '' ? session.info.model : speaker.status} · ${hint}`;
  };
  const apply = (effect: ChatEffect): void => {
    if (effect.kind === 'exit') left.resolve(effect.code);
    else if (effect.kind === 'say') note(effect.text);
    else if (effect.kind === 'interrupt') void speaker.interrupt();
    else {
      note(`› ${effect.text}`);
      if (effect.kind === 'ask') speaker.ask(effect.text);
      else void speaker.redirect(effect.text);
    }
  };

  const stopKeys = terminal.onKeys((data) => parseKeys(data).forEach((key) => step({ kind: 'key', key })));
  const stopSignals = signals.on((signal) => left.resolve(signal === 'SIGINT' ? 130 : 0));
  repaint();
  try {
    return await left.promise;
  } finally {
    speaker.close();
    cancelRepaint?.();
    if (unpainted !== '') repaint();
    terminal.out(leave(screen));
    stopKeys();
    stopSignals();
  }
}
