import { describe, expect, test } from '@jest/globals';
import type { LocalAccess } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { watchAccess } from './watch-access.ts';

const tenant = (name: string, suspended = false) => ({ name, suspended, tiers: ['fast'] as const });
const first: LocalAccess = {
  keys: [],
  tenants: [tenant('acme')],
  keepsPartial: [],
  door: { issuers: [], allowedOrigins: [] },
};

function setUp() {
  const clock = new VirtualClock();
  const state: { now: LocalAccess | Error; reads: number } = { now: first, reads: 0 };
  const applied: LocalAccess[] = [];
  const said: string[] = [];
  const load = async (): Promise<LocalAccess> => {
    state.reads += 1;
    if (state.now instanceof Error) throw state.now;
    return state.now;
  };
  const stop = watchAccess(first, {
    clock,
    load,
    apply: (access) => applied.push(access),
    say: (text) => said.push(text),
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  return { applied, pass, said, state, stop };
}

describe('watchAccess', () => {
  test('applies a change within 5 s, once, and is silent without one', async () => {
    const { applied, pass, said, state } = setUp();
    await pass(5_000);
    expect([applied, said]).toEqual([[], []]);
    const next = { ...first, tenants: [tenant('acme', true)] };
    state.now = next;
    await pass(5_000);
    await pass(5_000);
    expect([applied, said]).toEqual([[next], ['tenants and keys were read again\n']]);
  });

  test('what is wrong is told once, and what was in force stays until the files are right', async () => {
    const { applied, pass, said, state } = setUp();
    state.now = new Error('tenants.yaml:3 is malformed');
    for (let times = 0; times < 5; times++) await pass(2_000);
    expect(said).toEqual(['tenants.yaml:3 is malformed\ntenants and keys stay as they were\n']);
    state.now = first;
    await pass(2_000);
    expect([applied, said.length]).toEqual([[], 1]);
    state.now = new Error('tenants.yaml:3 is malformed');
    await pass(2_000);
    expect(said).toHaveLength(2);
  });

  test('what is read at the start alone is said', async () => {
    const { applied, pass, said, state } = setUp();
    state.now = { ...first, door: { issuers: [], allowedOrigins: ['https://app.example'] } };
    await pass(2_000);
    await pass(2_000);
    expect(applied).toEqual([]);
    expect(said).toEqual(['issuers, origins, limits of sockets and the pepper are read at the next start\n']);
  });

  test('nothing is read or applied after the end, not even what was on its way', async () => {
    const { applied, pass, said, state, stop } = setUp();
    state.now = { ...first, tenants: [] };
    const passing = pass(2_000);
    stop();
    await passing;
    await pass(60_000);
    expect([applied, said, state.reads]).toEqual([[], [], 1]);
  });
});
