import type { ControlAck, Interrupt } from '@reticle/services/session';
import type { AskedCut } from './client-turn.ts';
import { expectations } from './expectations.ts';
import { isLocalCut, mayMove } from './front-watch.ts';

/** A control that was sent, and its answer so far. */
export type SentSignal = {
  readonly interrupt: Interrupt;
  readonly asked: AskedCut;
  answer: string | undefined;
  /** A gateway answered by itself, for an engine out of reach. */
  cutHere: boolean;
  /** The host that answered past the stream. */
  cutBy: string | undefined;
};

export const UNANSWERED = { answer: undefined, cutHere: false, cutBy: undefined } as const;

/** `host`: where the session is; `by`: who answered. */
type Told = { readonly outside: boolean; readonly host: string; readonly by: string };

/** Notes the answer of a copy: every copy gets the same, else says what moved. */
export function noteAnswer(sent: SentSignal, ack: ControlAck, { outside, host, by }: Told): string | undefined {
  const outcome = expectations.answersVerbatim ? ack.outcome : 'cut';
  const before = sent.answer;
  const answer = `${outcome} E ${ack.effectiveOffset} of ${ack.generatedOffset}`;
  const lost = isLost(sent, host);
  const same = before === undefined || before === answer || lost || mayMove(sent, ack);
  sent.cutHere = isLocalCut(ack);
  if (!outside) sent.cutBy = undefined;
  else if (before === undefined || lost) sent.cutBy = by;
  sent.answer = answer;
  return same ? undefined : `signal ${ack.signalId.slice(0, 6)}: "${before}", then "${answer}"`;
}

/** The session has left the host that answered past the stream. */
function isLost({ cutBy }: SentSignal, host: string): boolean {
  return cutBy !== undefined && cutBy !== host && !expectations.signalledCutsSurvive;
}
