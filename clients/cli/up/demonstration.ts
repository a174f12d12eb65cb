import type { Clock } from '@reticle/core/flow';
import type { ReticleClient, Turn } from '@reticle/sdk';
import { count, receiptLine } from '../figures.ts';
import { speedLine } from '../speed-line.ts';
import { TurnMeter } from '../turn-meter.ts';

export type DemonstrationPorts = {
  readonly client: ReticleClient;
  readonly clock: Clock;
  readonly out: (text: string) => void;
};

const INSTRUCTIONS = 'You write TypeScript.';
const QUESTION = 'Write a queue with a bound and its tests.';
const CHANGE = 'Make it a ring buffer instead.';
/** Tokens read before each control: enough to see text, a fraction of a second at 1,000 tokens/s. */
const READ_TOKENS = 240;
const LAST_TOKENS = 160;

/** One turn that is interrupted, one that is redirected, and the successor to its end: the promise in one screen. */
export async function demonstrate(ports: DemonstrationPorts): Promise<void> {
  const { client, out } = ports;
  const session = await client.createSession({ prefix: { role: 'system', content: INSTRUCTIONS } });
  try {
    out(`\n── a turn, stopped after ${READ_TOKENS} tokens\n> ${QUESTION}\n\n`);
    const first = session.turn(QUESTION);
    const speed = await show(ports, first, READ_TOKENS);
    const receipt = await first.interrupt({ reason: 'demonstration' });
    await first.ended;
    out(`\n\n${speed}\n■ interrupt: ${receiptLine(receipt)}\n`);

    out(`\n── a turn, redirected after ${READ_TOKENS} tokens\n> ${QUESTION}\n\n`);
    const second = session.turn(QUESTION, { parent: null });
    const secondSpeed = await show(ports, second, READ_TOKENS);
    const redirected = await second.redirect(CHANGE, { maxOutputTokens: LAST_TOKENS });
    const { prefilledTokens, cachedTokens } = await redirected.turn.started;
    out(`\n\n${secondSpeed}\n↪ redirect:  ${receiptLine(redirected.receipt)}\n`);
    out(`> ${CHANGE}\n`);
    out(`  successor prefilled ${count(prefilledTokens)} tokens, reused ${count(cachedTokens)}\n\n`);
    const lastSpeed = await show(ports, redirected.turn, Number.POSITIVE_INFINITY);
    const { status, usage } = await redirected.turn.ended;
    const end = status === 'incomplete' ? `ended at its limit of ${LAST_TOKENS} tokens` : status;
    out(`\n\n${lastSpeed}\n✔ ${end}: ${count(usage.outputTokens)} tokens billed\n`);
  } finally {
    await session.close();
  }
}

/** Shows the turn's text until `tokens` were read or it ends; gives the line on its speed. */
async function show({ clock, out }: DemonstrationPorts, turn: Turn, tokens: number): Promise<string> {
  const meter = new TurnMeter(clock.nowMs());
  for await (const frame of turn) {
    meter.frame(frame, clock.nowMs());
    out(frame.text);
    if (meter.tokens >= tokens) break;
  }
  return speedLine(meter);
}
