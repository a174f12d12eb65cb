import { describe, expect, test } from '@jest/globals';
import type { TlsPair } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import type { LoadedTls } from './tls-files.ts';
import { watchTls } from './watch-tls.ts';

const HOUR_MS = 3_600_000;

/** A pair that counts for so long from the beginning of time. */
function loaded(name: string, hours: number): LoadedTls {
  const clock = new VirtualClock();
  const facts = {
    notBeforeMs: 0,
    notAfterMs: clock.wallMs() + hours * HOUR_MS,
    notBefore: 'the beginning',
    notAfter: `hour ${hours}`,
    isSelfSigned: true,
    isAuthority: false,
    isFor: () => true,
  };
  const warnings = hours > 0 ? [] : [`warning: ${name} ended`];
  return { pair: { certificate: name, key: `key of ${name}` }, facts, warnings };
}

function setUp(first = loaded('first', 1)) {
  const clock = new VirtualClock();
  const state: { now: LoadedTls | Error; reads: number } = { now: first, reads: 0 };
  const applied: TlsPair[] = [];
  const said: string[] = [];
  const load = async (): Promise<LoadedTls> => {
    state.reads += 1;
    if (state.now instanceof Error) throw state.now;
    return state.now;
  };
  const apply = (pair: TlsPair): unknown => applied.push(pair);
  const stop = watchTls(first, { clock, load, apply, say: (text) => said.push(text) });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  return { applied, pass, said, state, stop };
}

const READ_AGAIN = 'the certificate was read again: new connections see one that counts until hour 9\n';

describe('watchTls', () => {
  test('puts a change in force within 5 s, once, and is silent without one', async () => {
    const { applied, pass, said, state } = setUp();
    await pass(5_000);
    expect([applied, said]).toEqual([[], []]);
    const next = loaded('next', 9);
    state.now = next;
    await pass(5_000);
    await pass(5_000);
    expect([applied, said]).toEqual([[next.pair], [READ_AGAIN]]);
  });

  test('takes another key for the same certificate as a change', async () => {
    const { applied, pass, state } = setUp();
    const next = { ...loaded('first', 9), pair: { certificate: 'first', key: 'another' } };
    state.now = next;
    await pass(2_000);
    expect(applied).toEqual([next.pair]);
  });

  test('what is wrong is told once, and the one in force stays until the files are right', async () => {
    const { applied, pass, said, state } = setUp();
    state.now = new Error('cert.pem is not a certificate');
    for (let times = 0; times < 5; times++) await pass(2_000);
    expect(said).toEqual(['cert.pem is not a certificate\nthe certificate stays as it was\n']);
    state.now = loaded('next', 9);
    await pass(2_000);
    expect([applied.length, said.at(-1)]).toEqual([1, READ_AGAIN]);
  });

  test('one that is over takes the place of none', async () => {
    const { applied, pass, said, state } = setUp();
    state.now = loaded('old', 0);
    for (let times = 0; times < 3; times++) await pass(2_000);
    expect([applied, said]).toEqual([[], ['warning: old ended\nthe certificate stays as it was\n']]);
  });

  test('the end of the one in force is told once', async () => {
    const { applied, pass, said, state } = setUp();
    state.now = { ...loaded('first', 1), warnings: ['warning: first ended'] };
    await pass(2_000);
    expect(said).toEqual([]);
    await pass(HOUR_MS);
    for (let times = 0; times < 3; times++) await pass(2_000);
    expect([applied, said]).toEqual([[], ['warning: first ended\n']]);
  });

  test('one that was over at the start is not told again', async () => {
    const { pass, said } = setUp(loaded('first', 0));
    for (let times = 0; times < 3; times++) await pass(2_000);
    expect(said).toEqual([]);
  });

  test('nothing is read or applied after the end, not even what was on its way', async () => {
    const { applied, pass, said, state, stop } = setUp();
    state.now = loaded('next', 9);
    const passing = pass(2_000);
    stop();
    await passing;
    await pass(60_000);
    expect([applied, said, state.reads]).toEqual([[], [], 1]);
  });
});
