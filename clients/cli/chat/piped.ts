import type { Session, TurnOptions } from '@reticle/sdk';
import { exitCodes, usageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { endLine, receiptLine } from '../figures.ts';
import { TurnMeter } from '../turn-meter.ts';
import { speedLine } from '../speed-line.ts';
import { Continuity } from './continuity.ts';

/** A question, not a corpus: the service takes at most 4 MiB a message. */
const INPUT_BYTES_MAX = 1024 * 1024;

/** One turn over standard input: the answer on standard output, its figures on standard error. */
export async function chatInPipe(
  { terminal, env, signals }: Context,
  session: Session,
  turns: TurnOptions,
): Promise<number> {
  const question = (await terminal.readAll(INPUT_BYTES_MAX)).trim();
  if (question === '') throw usageError('standard input is empty', 'Try: echo "Write a queue." | reticle chat');
  const turn = session.turn(question, turns);
  const meter = new TurnMeter(env.clock.nowMs());
  const continuity = new Continuity(session, env.clock, ({ line, movedAt }) => {
    if (movedAt !== undefined) meter.moved(movedAt);
    terminal.err(terminal.outputIsTty ? `\n\u001B[2m${line}\u001B[0m\n` : `${line}\n`);
  });
  continuity.follow(turn);
  let isStopped = false;
  const stopListening = signals.on((signal) => {
    if (isStopped || signal !== 'SIGINT') process.exit(signal === 'EPIPE' ? exitCodes.ok : exitCodes.interrupted);
    isStopped = true;
    turn
      .interrupt({ reason: 'chat' })
      .then((receipt) => terminal.err(`\n■ interrupted: ${receiptLine(receipt)}\n`))
      // The turn's own end tells what became of it.
      .catch(() => {});
  });
  try {
    for await (const frame of turn) {
      continuity.frame();
      meter.frame(frame, env.clock.nowMs());
      terminal.out(frame.text);
    }
    terminal.out('\n');
    terminal.err(`${speedLine(meter)}\n`);
    terminal.err(`${endLine(await turn.ended)}\n`);
    return isStopped ? exitCodes.interrupted : exitCodes.ok;
  } finally {
    continuity.close();
    stopListening();
  }
}
