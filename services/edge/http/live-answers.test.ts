import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { silentLogger } from '@reticle/core/process';
import type { Caller } from '@reticle/services/stream';
import type { Authenticator } from '../auth/index.ts';
import { LiveAnswers, Revocation } from './live-answers.ts';

const over = new ReticleError('key_revoked', 'over');

function setUp() {
  const clock = new VirtualClock();
  const ended = new Map<Caller, Error>();
  const listeners = new Set<() => void>();
  const checked: Caller[] = [];
  const auth: Authenticator = {
    prepare: () => undefined,
    authenticate: () => who('a'),
    adopt: () => {},
    check(caller) {
      checked.push(caller);
      const error = ended.get(caller);
      if (error !== undefined) throw error;
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const live = new LiveAnswers({ auth, clock, log: silentLogger });
  const tell = (): void => listeners.forEach((listener) => listener());
  return { clock, ended, checked, live, tell, listeners };
}

const who = (tenant: string): Caller => ({ tenant, keyId: tenant, models: [], tiers: ['fast'], defaultTier: 'fast' });

function answer(headersSent = false) {
  const response = Object.assign(new EventEmitter(), { headersSent });
  const refused: ReticleError[] = [];
  return {
    response: response as unknown as ServerResponse,
    refused,
    refuse: (error: ReticleError) => refused.push(error),
  };
}

describe('LiveAnswers', () => {
  test('a credential that expires ends its answer within 5 s, and no other one', () => {
    const { clock, ended, live } = setUp();
    const [one, other] = [who('a'), who('b')];
    const [mine, theirs] = [answer(), answer()];
    live.enter(one, mine.response, mine.refuse);
    live.enter(other, theirs.response, theirs.refuse);
    clock.advance(60_000);
    expect(mine.refused).toEqual([]);
    ended.set(one, over);
    clock.advance(5_000);
    clock.advance(5_000);
    expect([mine.refused, theirs.refused]).toEqual([[over], []]);
  });

  test('a change is looked at at once; what was sent is ended by who sent it', () => {
    const { ended, live, tell } = setUp();
    const caller = who('a');
    const { response, refused, refuse } = answer(true);
    const revocation = live.enter(caller, response, refuse);
    const told: ReticleError[] = [];
    revocation.listen((error) => told.push(error));
    tell();
    ended.set(caller, over);
    tell();
    tell();
    expect([told, refused, revocation.error]).toEqual([[over], [], over]);
  });

  test('an answer that is over is not looked at, and neither is anything after the end', () => {
    const { checked, clock, live, listeners, tell } = setUp();
    const { response, refuse } = answer();
    live.enter(who('a'), response, refuse);
    response.emit('close');
    tell();
    live.close();
    clock.advance(60_000);
    expect([checked, listeners.size]).toEqual([[], 0]);
  });

  test('a defect of the check is not taken for a revocation', () => {
    const { ended, live, tell } = setUp();
    const caller = who('a');
    const { response, refused, refuse } = answer();
    live.enter(caller, response, refuse);
    ended.set(caller, new Error('defect'));
    expect(tell).toThrow('defect');
    expect(refused).toEqual([]);
  });
});

test('a revocation that has happened is told to who listens late, once', () => {
  const revocation = new Revocation();
  revocation.happen(over);
  revocation.happen(new ReticleError('key_revoked', 'again'));
  const told: ReticleError[] = [];
  revocation.listen((error) => told.push(error));
  expect(told).toEqual([over]);
});
