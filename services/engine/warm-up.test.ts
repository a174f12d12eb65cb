import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { modelById, waferProfiles } from '@reticle/core/domain/wafer';
import type { DriverEvents } from './contract.ts';
import { chainOptions, createWaferSim } from './wafer-sim/index.ts';
import { warmedDriver } from './warm-up.ts';

const TOKENS_PER_SECOND = 1_000;

function rig() {
  const clock = new VirtualClock();
  const inner = createWaferSim({
    ...chainOptions({
      servedName: 'spark',
      modelDigest: `sha256:${'5a'.repeat(32)}`,
      contextTokens: 8_192,
      maxOutputTokens: 4_096,
      geometry: modelById('spark-ref'),
      profile: waferProfiles['wse3-2026'],
      wafers: 3,
      engine: { tokens: 'hash', length: 'max', pace: 'timer', seed: 7, flatStepMicros: 1e6 / TOKENS_PER_SECOND },
    }),
    clock,
    immediate: (callback) => void clock.after(0, callback),
    pace: 'timer',
  });
  const warmed = warmedDriver(inner, clock);
  const heard: string[] = [];
  const hear = (name: string) => (): void => void heard.push(name);
  const events: DriverEvents = {
    prefilled: hear('prefilled'),
    started: hear('started'),
    mark: hear('mark'),
    step: hear('step'),
    ended: hear('ended'),
    halted: hear('halted'),
    failed: hear('failed'),
    broken: hear('broken'),
  };
  warmed.driver.connect(events);
  const probe = (planned: number): Promise<unknown> => {
    const end = warmed.warmUp(planned).catch((error: unknown) => error);
    for (let passed = 0; passed < 2_000; passed += 1) clock.advance(1);
    return end;
  };
  return { clock, inner, warmed, heard, probe };
}

describe('warmedDriver', () => {
  test('measures the pace of a fixed prompt, and tells the host nothing of it', async () => {
    const { probe, heard, warmed } = rig();
    const pace = await probe(TOKENS_PER_SECOND);
    expect(Number(pace) / TOKENS_PER_SECOND).toBeCloseTo(1, 1);
    expect(heard).toEqual([]);
    const { slotsTotal, slotsFree, kvTokensTotal, kvTokensFree } = warmed.driver.load();
    expect([slotsFree, kvTokensFree]).toEqual([slotsTotal, kvTokensTotal]);
  });

  test('refuses a chain below 95 % of the planned pace', async () => {
    expect(await rig().probe(TOKENS_PER_SECOND * 1.1)).toMatchObject({ message: 'the chain is slower than planned' });
    expect(Number(await rig().probe(TOKENS_PER_SECOND * 1.02))).toBeGreaterThan(0);
  });

  test('a chain that breaks meanwhile fails the probe, and its host hears of it', async () => {
    const { inner, probe, heard } = rig();
    const end = probe(TOKENS_PER_SECOND);
    expect(end).toBeInstanceOf(Promise);
    inner.breakChain('stage 1 does not answer');
    const after = rig();
    after.inner.breakChain('stage 1 does not answer');
    expect(await after.probe(TOKENS_PER_SECOND)).toBeInstanceOf(Error);
    await end;
    expect(heard.filter((name) => name !== 'broken')).toEqual([]);
  });

  test('a host that connects after the probe has the driver to itself', async () => {
    const { clock, probe, heard, warmed } = rig();
    await probe(TOKENS_PER_SECOND);
    warmed.driver.start({
      stream: 1,
      parent: 0,
      input: [{ kind: 'tokens', ids: [1, 2, 3] }],
      afterOutput: false,
      params: { temperature: 0, seed: 7, stop: [] },
      choice: 0,
      maxOutputTokens: 8,
      length: 'max',
      forced: [],
      successor: false,
    });
    for (let passed = 0; passed < 100; passed += 1) clock.advance(1);
    expect([heard[0], heard.at(-1)]).toEqual(['started', 'ended']);
  });
});
