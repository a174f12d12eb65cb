/** The ticket desk of a supervisor, as its children and as it itself see it. */
import { ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { ParentChannel } from '@reticle/core/process';
import type { TicketDesk, TicketUse } from '@reticle/services/edge/tickets';
import type { Caller } from '@reticle/services/stream';
import { messageOfKind, type ChildAnswer, type ChildQuestion } from './messages.ts';

/** A supervisor that is there answers within a millisecond. */
const ANSWER_MS = 2_000;

type Pending = { readonly resolve: (answer: ChildAnswer['answer']) => void; readonly cancel: () => void };

/** Asks the supervisor. A question without an answer is `overloaded` after two seconds. */
export class SupervisedDesk implements TicketDesk {
  readonly #channel: ParentChannel;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #questions = 0;

  constructor(channel: ParentChannel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    channel.onMessage((message) => {
      const told = messageOfKind<ChildAnswer>(message, ['child-answer']);
      if (told === undefined) return;
      const pending = this.#pending.get(told.question);
      this.#pending.delete(told.question);
      pending?.cancel();
      pending?.resolve(told.answer);
    });
  }

  async spend(use: TicketUse): Promise<boolean> {
    return (await this.#ask({ kind: 'spend-ticket', question: this.#questions++, use })) === true;
  }

  async exchange(code: string): Promise<Caller | undefined> {
    const answer = await this.#ask({ kind: 'exchange-code', question: this.#questions++, code });
    return typeof answer === 'object' ? answer : undefined;
  }

  async mintCode(caller: Caller): Promise<string> {
    const answer = await this.#ask({ kind: 'mint-code', question: this.#questions++, caller });
    if (typeof answer === 'string') return answer;
    throw new ReticleError('overloaded', 'no code could be made');
  }

  #ask(question: ChildQuestion): Promise<ChildAnswer['answer']> {
    const { promise, resolve, reject } = Promise.withResolvers<ChildAnswer['answer']>();
    const cancel = this.#clock.after(ANSWER_MS, () => {
      this.#pending.delete(question.question);
      reject(new ReticleError('overloaded', 'the ticket could not be looked at'));
    });
    this.#pending.set(question.question, { resolve, cancel });
    this.#channel.send(question);
    return promise;
  }
}

/** What the supervisor's own desk says to a child's question. */
export async function answerQuestion(desk: TicketDesk, asked: ChildQuestion): Promise<ChildAnswer> {
  return { kind: 'child-answer', question: asked.question, answer: await answerOf(desk, asked) };
}

function answerOf(desk: TicketDesk, asked: ChildQuestion): Promise<ChildAnswer['answer']> {
  switch (asked.kind) {
    case 'spend-ticket':
      return desk.spend(asked.use);
    case 'exchange-code':
      return desk.exchange(asked.code);
    case 'mint-code':
      return desk.mintCode(asked.caller);
  }
}
