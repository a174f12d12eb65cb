import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { subjects } from '@reticle/proto/contract';
import { messageCodec } from '@reticle/proto/load';
import type { Presence, Presence__Input } from '@reticle/proto/gen/engine/v1/Presence';
import { LocalBus } from '@reticle/services/bus';
import { EngineDirectory, type Routing } from './engine-directory.ts';
import { CAPABILITIES, ENGINE } from './scripted-engine.ts';
import { UsageLedger } from './usage-ledger.ts';

const codec = messageCodec<Presence__Input, Presence>('reticle.engine.v1.Presence');
const READY = 2;
const DRAINING = 3;

function rig(routing?: Routing) {
  const clock = new VirtualClock();
  const bus = new LocalBus(clock);
  const directory = new EngineDirectory({ bus, clock, random: seededRandom(1), cell: 'eu', routing });
  const hear = (letter: string, slotsFree: number, over: Presence__Input = {}): void => {
    const engineId = letter.repeat(26);
    const { model, modelDigest, region, address, replicaEpoch } = ENGINE;
    const load = { state: READY, slotsFree } as const;
    const plain = {
      engineId,
      model,
      modelDigest,
      region,
      address,
      replicaEpoch,
      seq: 1,
      capabilities: CAPABILITIES,
      load,
    };
    bus.deliver(subjects.presence('eu', engineId), codec.encode({ ...plain, ...over }));
  };
  const chosen = (model = ENGINE.model): string => {
    try {
      return directory.choose(model).engineId.slice(0, 1);
    } catch (error) {
      return isReticleError(error) ? error.code : String(error);
    }
  };
  return { clock, bus, directory, hear, chosen };
}

describe('EngineDirectory', () => {
  test('a model has the context that all of its ready engines have', () => {
    const { directory, hear } = rig();
    hear('a', 2, { capabilities: { ...CAPABILITIES, contextTokens: 8_192 } });
    hear('b', 2, { capabilities: { ...CAPABILITIES, contextTokens: 4_096 } });
    hear('c', 2, {
      capabilities: { ...CAPABILITIES, contextTokens: 1_024 },
      load: { state: DRAINING, slotsFree: 2 },
    });
    expect(directory.served()).toEqual([{ name: ENGINE.model, contextTokens: 4_096 }]);
  });

  test('an engine that answers on its link is there while the bus says nothing; another run of it is not', () => {
    const { clock, hear, chosen, directory } = rig();
    hear('a', 2);
    const linked = directory.choose(ENGINE.model);
    clock.advance(900);
    directory.alive(linked);
    clock.advance(900);
    expect(chosen()).toBe('a');
    directory.alive({ ...linked, replicaEpoch: linked.replicaEpoch + 1 });
    clock.advance(200);
    expect(chosen()).toBe('no_capacity');
  });

  test('chooses the ready engine of the model with the most free slots', () => {
    const { hear, chosen, directory } = rig();
    hear('a', 2);
    hear('b', 9);
    hear('c', 20, { model: 'other' });
    hear('d', 30, { load: { state: DRAINING, slotsFree: 30 } });
    expect(chosen()).toBe('b');
    const busy = codec.decode(codec.encode({ load: { state: READY, slotsFree: 1 } })).load;
    if (busy) directory.loaded('b'.repeat(26), busy);
    expect(chosen()).toBe('a');
    expect(directory.models()).toEqual(['other', 'spark-ref']);
  });

  test('a model nobody ever served is unknown; one that nobody serves now has no capacity, with a jittered delay', () => {
    const { clock, hear, chosen, directory } = rig();
    // Before anything was heard nothing is known of any model.
    expect(chosen()).toBe('no_capacity');
    hear('x', 2, { model: 'another' });
    expect(chosen()).toBe('model_not_found');
    hear('a', 2);
    clock.advance(999);
    expect(chosen()).toBe('a');
    clock.advance(1);
    expect(chosen()).toBe('no_capacity');
    const delays = Array.from({ length: 8 }, () => {
      try {
        directory.choose(ENGINE.model);
      } catch (error) {
        return isReticleError(error) ? (error.retryAfterMs ?? 0) : 0;
      }
      return 0;
    });
    for (const delay of delays) expect(delay).toBeGreaterThanOrEqual(250);
    expect(new Set(delays).size).toBeGreaterThan(1);
    clock.advance(60_000);
    hear('b', 1, { model: 'x' });
    expect(chosen()).toBe('no_capacity');
  });

  test.each([
    { name: 'an older replica epoch', over: { replicaEpoch: 0, seq: 9 } },
    { name: 'an older report', over: { seq: 0 } },
    { name: 'the same report', over: { seq: 1 } },
  ])('ignores $name', ({ over }) => {
    const { hear, chosen } = rig();
    hear('a', 5);
    hear('b', 4);
    hear('a', 1, over);
    expect(chosen()).toBe('a');
  });

  test('an engine that came back at another address counts again', () => {
    const { hear, directory } = rig();
    hear('a', 5, { seq: 90 });
    hear('a', 5, { seq: 1, address: 'engine:2' });
    expect(directory.get('a'.repeat(26))?.address).toBe('engine:2');
  });

  test('counts and ignores what is no Presence, and a Presence under a foreign subject', () => {
    const { bus, hear, chosen, directory } = rig();
    bus.deliver(subjects.presence('eu', 'a'.repeat(26)), Uint8Array.of(0xff));
    hear('a', 1, { engineId: 'z'.repeat(26) });
    hear('a', 1, { load: null });
    expect([directory.malformed, chosen()]).toEqual([3, 'no_capacity']);
  });
});

describe('UsageLedger', () => {
  const key = { tenant: 'acme', sessionId: 's', turnId: 't' };

  test('a bill is the highest offset sent in its epoch; a turn costs the maximum over its epochs', () => {
    const ledger = new UsageLedger();
    const first = ledger.open({ ...key, epoch: 1 });
    for (const offset of [5, 12, 7, 12]) ledger.sent(first, offset);
    const second = ledger.open({ ...key, epoch: 2 });
    ledger.sent(second, 9);
    expect(ledger.open({ ...key, epoch: 1 })).toBe(first);
    expect(ledger.ofSession('s').map(({ epoch, throughOffset }) => [epoch, throughOffset])).toEqual([
      [1, 12],
      [2, 9],
    ]);
    expect(ledger.billedTokens('s', 't')).toBe(12);
    expect(ledger.close('s')).toHaveLength(2);
    expect(ledger.ofSession('s')).toEqual([]);
  });
});

describe('routing by what is known beside presence', () => {
  /** Knows two regions, and lets new sessions go to engines of these letters. */
  const routing = (letters: string): Routing & { known: boolean } => ({
    known: true,
    place: ({ allowedRegions }) => ['eu', ...allowedRegions],
    takesNew: ({ engineId }) => letters.includes(engineId.slice(0, 1)),
    regionsOf: () => ['eu', 'us'],
  });

  test('an engine that is known to take nothing new gets nothing new, whatever it says of itself', () => {
    const { hear, chosen, directory } = rig(routing('b'));
    hear('a', 9);
    hear('b', 2);
    expect(chosen()).toBe('b');
    const { model, modelDigest, region } = ENGINE;
    const asked = { model, modelDigest, regions: [region], except: new Set<string>() };
    expect(directory.successor(asked)?.engineId[0]).toBe('b');
    expect(directory.served()).toMatchObject([{ name: model, regions: ['eu', 'us'] }]);
  });

  test('none of its engines is no reason to call a model unknown', () => {
    const { hear, chosen } = rig(routing(''));
    hear('a', 9);
    expect([chosen(), chosen('other')]).toEqual(['no_capacity', 'no_capacity']);
  });

  test('before anything is known presence decides, and no region is named', () => {
    const known = { ...routing(''), known: false };
    const { hear, chosen, directory } = rig(known);
    const wish = { model: ENGINE.model, tenant: 'acme', allowedRegions: ['us'] };
    hear('a', 9);
    expect([chosen(), chosen('other'), directory.place(wish)]).toEqual(['a', 'model_not_found', undefined]);
    expect(directory.served()[0]).not.toHaveProperty('regions');
    known.known = true;
    expect([chosen(), directory.place(wish)]).toEqual(['no_capacity', ['eu', 'us']]);
  });
});
