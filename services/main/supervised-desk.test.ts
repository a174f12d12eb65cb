import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { LocalTicketDesk, type TicketDesk } from '@reticle/services/edge/tickets';
import type { ChildQuestion } from './messages.ts';
import { answerQuestion, SupervisedDesk } from './supervised-desk.ts';

const caller = { tenant: 'local', keyId: 'k', models: [], tiers: ['fast'], defaultTier: 'fast' } as const;
const use = { gateway: 'g1', id: 'a'.repeat(26), expiresMs: Number.MAX_SAFE_INTEGER };

/** A worker's desk whose supervisor answers at once, late (`deliver`), or never. */
function rig(desk: TicketDesk) {
  const clock = new VirtualClock();
  const listeners = new Set<(message: unknown) => void>();
  const asked: ChildQuestion[] = [];
  const channel = {
    send: (message: unknown) => asked.push(message as ChildQuestion) > 0,
    onMessage: (listener: (message: unknown) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const worker = new SupervisedDesk(channel, clock);
  const hear = (message: unknown): void => listeners.forEach((listener) => listener(message));
  const deliver = async (order: readonly number[]): Promise<void> => {
    for (const index of order) hear(await answerQuestion(desk, asked[index] as ChildQuestion));
  };
  return { clock, worker, hear, deliver };
}

function local(): LocalTicketDesk {
  return new LocalTicketDesk({ clock: new VirtualClock(), random: seededRandom(1), serves: (id) => id === 'g1' });
}

describe('SupervisedDesk', () => {
  test('two workers of one supervisor: a ticket is spent once', async () => {
    const desk = local();
    const [one, two] = [rig(desk), rig(desk)];
    const answers = [one.worker.spend(use), two.worker.spend(use)];
    await one.deliver([0]);
    await two.deliver([0]);
    expect(await Promise.all(answers)).toEqual([true, false]);
  });

  test('answers find their questions in any order, and noise finds none', async () => {
    const desk = local();
    const code = await desk.mintCode(caller);
    const { worker, hear, deliver } = rig(desk);
    const answers = [worker.exchange('unknown'), worker.exchange(code), worker.spend(use), worker.mintCode(caller)];
    for (const noise of ['x', undefined, { kind: 'child-answer', question: 99, answer: true }]) hear(noise);
    await deliver([2, 1, 0, 3]);
    expect(await Promise.all(answers)).toEqual([undefined, caller, true, expect.stringMatching(/^[a-z2-7]{26}$/)]);
  });

  test('an answer of the wrong form is a refusal', async () => {
    const { worker, hear } = rig(local());
    const answers = [worker.spend(use), worker.exchange('x')];
    hear({ kind: 'child-answer', question: 0, answer: caller });
    hear({ kind: 'child-answer', question: 1, answer: true });
    expect(await Promise.all(answers)).toEqual([false, undefined]);
  });

  test('silence is an error that says to come again, and a late answer changes nothing', async () => {
    const { clock, worker, deliver } = rig(local());
    const asked = worker.spend(use).catch((error: unknown) => error);
    clock.advance(2_000);
    const error = await asked;
    expect(isReticleError(error) && error.code).toBe('overloaded');
    await deliver([0]);
  });
});
