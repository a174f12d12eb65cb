import { describe, expect, test } from '@jest/globals';
import { limits } from '@reticle/proto/contract';
import { BusError, type Bus } from '../bus.ts';
import { BUS_BYTES_MAX } from '../subject-rules.ts';

/** Two ends of one bus, as two components have them. */
export type BusRig = {
  readonly near: Bus;
  readonly far: Bus;
  /** Resolves when what was subscribed and sent so far, on both ends, has arrived wherever it goes. */
  readonly settle: () => Promise<void>;
  /** Lets `ms` pass on the clock of the requests' time limits. */
  readonly pass: (ms: number) => Promise<void>;
  /** How often a responder of `far` failed. */
  readonly failures: () => number;
  readonly end: () => Promise<void>;
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);
const LONG_MS = 10_000;

/** What a request came to: its answer, or the failure's name. */
async function outcome(request: Promise<Uint8Array>): Promise<string> {
  try {
    return text(await request);
  } catch (error) {
    return error instanceof BusError ? `failed: ${error.failure}` : String(error);
  }
}

/** What every adapter of the port does; they differ in their carriers' faults alone. */
export function busConformance(adapter: string, make: () => Promise<BusRig>): void {
  const withRig = (run: (rig: BusRig) => Promise<void>) => async (): Promise<void> => {
    const rig = await make();
    try {
      await run(rig);
    } finally {
      await rig.end();
    }
  };
  describe(`bus adapter ${adapter}`, () => {
    publishCases(withRig);
    requestCases(withRig);
    silenceCases(withRig);
    refusalCases(withRig);
  });
}

type WithRig = (run: (rig: BusRig) => Promise<void>) => () => Promise<void>;

function publishCases(withRig: WithRig): void {
  test(
    'delivers to matching subscribers, in order, outside the publisher’s stack',
    withRig(async ({ near, far, settle }) => {
      const seen: string[] = [];
      far.subscribe('presence.*', (payload, subject) => seen.push(`${subject}=${text(payload)}`));
      await settle();
      near.publish('presence.one', bytes('1'));
      near.publish('other.one', bytes('9'));
      near.publish('presence.one.more', bytes('9'));
      near.publish('presence.two', bytes('2'));
      expect(seen).toEqual([]);
      await settle();
      expect(seen).toEqual(['presence.one=1', 'presence.two=2']);
    }),
  );

  test(
    'a publisher hears itself, and every subscriber hears once',
    withRig(async ({ near, far, settle }) => {
      const seen: string[] = [];
      for (const [name, bus] of Object.entries({ near, far, again: far })) bus.subscribe('a', () => seen.push(name));
      await settle();
      near.publish('a', bytes(''));
      await settle();
      expect(seen.toSorted()).toEqual(['again', 'far', 'near']);
    }),
  );

  test(
    'a removed subscription hears nothing more',
    withRig(async ({ near, far, settle }) => {
      const seen: string[] = [];
      const stop = far.subscribe('a', (payload) => seen.push(text(payload)));
      await settle();
      near.publish('a', bytes('1'));
      await settle();
      stop();
      stop();
      await settle();
      near.publish('a', bytes('2'));
      await settle();
      expect(seen).toEqual(['1']);
    }),
  );
}

function requestCases(withRig: WithRig): void {
  test.each([
    { name: 'at once', responder: (payload: Uint8Array) => bytes(`got ${text(payload)}`) },
    { name: 'later', responder: async (payload: Uint8Array) => bytes(`got ${text(payload)}`) },
  ])('a request gets the answer that a responder gives $name', ({ responder }) =>
    withRig(async ({ near, far, settle }) => {
      far.respond('int.*', responder);
      await settle();
      expect(await outcome(near.request('int.one', bytes('cut'), LONG_MS))).toBe('got cut');
    })(),
  );

  test(
    'a responder learns the subject, and one end may ask itself',
    withRig(async ({ near, settle }) => {
      near.respond('int.*.*', (_, subject) => bytes(subject));
      await settle();
      expect(await outcome(near.request('int.e1.s1', bytes(''), LONG_MS))).toBe('int.e1.s1');
    }),
  );

  test(
    'the first answer wins; who has nothing to say does not stand in the way, and a late answer is nobody’s',
    withRig(async ({ near, far, settle }) => {
      const slow = Promise.withResolvers<Uint8Array>();
      far.respond('locate', () => undefined);
      far.respond('locate', () => slow.promise);
      near.respond('locate', () => bytes('owner'));
      await settle();
      expect(await outcome(near.request('locate', bytes('s1'), LONG_MS))).toBe('owner');
      slow.resolve(bytes('late'));
      await settle();
      near.respond('other', () => bytes('own'));
      await settle();
      expect(await outcome(near.request('other', bytes(''), LONG_MS))).toBe('own');
    }),
  );

  test(
    'requests in flight at once get their own answers, in whatever order these come',
    withRig(async ({ near, far, settle }) => {
      const asked: { name: string; answer: (payload: Uint8Array) => void }[] = [];
      far.respond('int.*', (payload) => {
        const { promise, resolve } = Promise.withResolvers<Uint8Array>();
        asked.push({ name: text(payload), answer: resolve });
        return promise;
      });
      await settle();
      const names = ['a', 'b', 'c', 'd'];
      const outcomes = names.map((name) => outcome(near.request(`int.${name}`, bytes(name), LONG_MS)));
      await settle();
      for (const { name, answer } of asked.toReversed()) answer(bytes(`for ${name}`));
      expect(await Promise.all(outcomes)).toEqual(['for a', 'for b', 'for c', 'for d']);
    }),
  );
}

function silenceCases(withRig: WithRig): void {
  test(
    'a request that nobody listens for fails without waiting, also once the responder has stopped',
    withRig(async ({ near, far, settle }) => {
      expect(await outcome(near.request('int.one', bytes(''), LONG_MS))).toBe('failed: no-responders');
      const stop = far.respond('int.one', () => bytes('here'));
      await settle();
      expect(await outcome(near.request('int.one', bytes(''), LONG_MS))).toBe('here');
      stop();
      stop();
      await settle();
      expect(await outcome(near.request('int.one', bytes(''), LONG_MS))).toBe('failed: no-responders');
    }),
  );

  test.each([
    { name: 'says nothing', responder: () => undefined, wantFailures: 0 },
    { name: 'never answers', responder: () => new Promise<Uint8Array>(() => {}), wantFailures: 0 },
    {
      name: 'throws',
      responder: () => {
        throw new Error('broken');
      },
      wantFailures: 1,
    },
    { name: 'rejects', responder: () => Promise.reject(new Error('broken')), wantFailures: 1 },
    { name: 'says too much', responder: () => new Uint8Array(limits.signalBytesMax + 1), wantFailures: 1 },
  ])('a request to a responder that $name ends by its time limit', ({ responder, wantFailures }) =>
    withRig(async ({ near, far, settle, pass, failures }) => {
      far.respond('int.one', responder);
      await settle();
      const asked = outcome(near.request('int.one', bytes(''), 40));
      await settle();
      await pass(40);
      expect(await asked).toBe('failed: timeout');
      expect(failures()).toBe(wantFailures);
    })(),
  );

  test(
    'a publish is no request and a request is no publish',
    withRig(async ({ near, far, settle }) => {
      const seen: string[] = [];
      far.subscribe('a', () => seen.push('heard'));
      far.respond('a', () => {
        seen.push('asked');
        return bytes('answer');
      });
      await settle();
      near.publish('a', bytes(''));
      await settle();
      expect(seen).toEqual(['heard']);
      expect(await outcome(near.request('a', bytes(''), LONG_MS))).toBe('answer');
      expect(seen).toEqual(['heard', 'asked']);
    }),
  );
}

/** PROMISES N2, and the payload bounds. */
function refusalCases(withRig: WithRig): void {
  const subjects = [
    { name: 'nothing', subject: '' },
    { name: 'a star', subject: 'int.*' },
    { name: 'a greater-than sign', subject: 'int.>' },
    { name: 'a space', subject: 'int.a b' },
    { name: 'a line break', subject: 'int.a\r\nPUB x 0' },
    { name: 'an empty part', subject: 'int..a' },
    { name: 'a letter outside ASCII', subject: 'int.ä' },
    { name: 'a capital letter', subject: 'int.A' },
    { name: 'an inbox', subject: '_INBOX.a' },
    { name: '4 KiB', subject: `int.${'a'.repeat(4096)}` },
  ];

  test.each(subjects)('a subject with $name is refused and the text does not repeat it', ({ subject }) =>
    withRig(async ({ near, far, settle }) => {
      const seen: string[] = [];
      far.subscribe('*.*', (_, heard) => seen.push(heard));
      far.respond('*.*', () => bytes('answer'));
      await settle();
      expect(() => near.publish(subject, bytes(''))).toThrow(new RangeError('a bus subject is outside its alphabet'));
      await expect(near.request(subject, bytes(''), 40)).rejects.toThrow(RangeError);
      await settle();
      expect(seen).toEqual([]);
    })(),
  );

  test(
    'a pattern may have stars for whole parts and nothing wider',
    withRig(async ({ near }) => {
      for (const pattern of ['>', 'a.>', 'a*', 'a.b*', '', 'a b', '_INBOX.*']) {
        expect(() => near.subscribe(pattern, () => {})).toThrow(RangeError);
        expect(() => near.respond(pattern, () => undefined)).toThrow(RangeError);
      }
    }),
  );

  test(
    'payloads have bounds: the largest passes, one more byte is refused',
    withRig(async ({ near, far, settle }) => {
      const seen: number[] = [];
      far.subscribe('a', (payload) => seen.push(payload.length));
      far.respond('b', (payload) => payload);
      await settle();
      near.publish('a', new Uint8Array(BUS_BYTES_MAX));
      expect(() => near.publish('a', new Uint8Array(BUS_BYTES_MAX + 1))).toThrow(RangeError);
      const echo = await near.request('b', new Uint8Array(limits.signalBytesMax), LONG_MS);
      expect(echo).toHaveLength(limits.signalBytesMax);
      await expect(near.request('b', new Uint8Array(limits.signalBytesMax + 1), LONG_MS)).rejects.toThrow(RangeError);
      await settle();
      expect(seen).toEqual([BUS_BYTES_MAX]);
    }),
  );
}
