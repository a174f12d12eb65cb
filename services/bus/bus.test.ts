import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { busConformance, type BusRig } from './conformance/bus-conformance.ts';
import { BusError, BusHub, ChannelBus, LocalBus, subjectMatches, type Channel } from './index.ts';

/** A pair of channel ends that copies every message, as a process border does. */
function channelPair(): { child: Channel; parent: Channel } {
  const end = (): { handlers: Set<(message: unknown) => void> } => ({ handlers: new Set() });
  const child = end();
  const parent = end();
  const channel = (own: typeof child, other: typeof child): Channel => ({
    send: (message) => {
      const copy = structuredClone(message);
      queueMicrotask(() => other.handlers.forEach((handler) => handler(copy)));
    },
    onMessage: (handler) => {
      own.handlers.add(handler);
      return () => own.handlers.delete(handler);
    },
  });
  return { child: channel(child, parent), parent: channel(parent, child) };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
};

function ipcBuses() {
  const [hub, clock] = [new BusHub(), new VirtualClock()];
  const [first, second] = [channelPair(), channelPair()];
  hub.join(first.parent);
  const leave = hub.join(second.parent);
  return {
    hub,
    clock,
    near: new ChannelBus(first.child, clock),
    far: new ChannelBus(second.child, clock),
    leave,
    second,
  };
}

const rigOf = (clock: VirtualClock, buses: Pick<BusRig, 'near' | 'far'>, failures: () => number): BusRig => ({
  ...buses,
  settle,
  pass: async (ms) => {
    clock.advance(ms);
    await settle();
  },
  failures,
  end: () => Promise.resolve(),
});

busConformance('local', async () => {
  const clock = new VirtualClock();
  const bus = new LocalBus(clock);
  return rigOf(clock, { near: bus, far: bus }, () => bus.responderFailures);
});

busConformance('channel', async () => {
  const { clock, near, far } = ipcBuses();
  return rigOf(clock, { near, far }, () => far.responderFailures);
});

busConformance('channel from the hub’s own process', async () => {
  const [hub, clock] = [new BusHub(), new VirtualClock()];
  const child = channelPair();
  hub.join(child.parent);
  const far = new ChannelBus(child.child, clock);
  return rigOf(clock, { near: hub.bus(clock), far }, () => far.responderFailures);
});

describe('subject patterns', () => {
  test.each([
    { name: 'equal subjects', pattern: 'a.b', subject: 'a.b', want: true },
    { name: 'a star stands for one part', pattern: 'a.*', subject: 'a.b', want: true },
    { name: 'a star does not stand for two parts', pattern: 'a.*', subject: 'a.b.c', want: false },
    { name: 'a star does not stand for none', pattern: 'a.*', subject: 'a', want: false },
    { name: 'another word', pattern: 'a.b', subject: 'a.c', want: false },
  ])('$name', ({ pattern, subject, want }) => {
    expect(subjectMatches(pattern, subject)).toBe(want);
  });
});

describe('time limits', () => {
  test('a request ends at its limit and not before, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const bus = new LocalBus(clock);
    bus.respond('slow', () => undefined);
    bus.respond('quick', (payload) => payload);
    const failures: unknown[] = [];
    const asked = bus.request('slow', new Uint8Array(), 15).catch((error: unknown) => failures.push(error));
    await bus.request('quick', new Uint8Array(), 1_000);
    clock.advance(14.9);
    await settle();
    expect(failures).toEqual([]);
    clock.advance(0.1);
    await asked;
    expect(failures).toEqual([new BusError('timeout')]);
    expect(clock.pending).toBe(0);
  });
});

describe('BusHub', () => {
  test('a child that left hears nothing more', async () => {
    const { near, far, leave } = ipcBuses();
    const seen: number[] = [];
    far.subscribe('a', (payload) => seen.push(payload[0] as number));
    near.publish('a', Uint8Array.of(1));
    await settle();
    leave();
    near.publish('a', Uint8Array.of(2));
    await settle();
    expect(seen).toEqual([1]);
  });

  test('the responders of a child that left are gone with it', async () => {
    const { near, far, leave } = ipcBuses();
    far.respond('a', (payload) => payload);
    await settle();
    leave();
    await expect(near.request('a', new Uint8Array(), 100)).rejects.toEqual(new BusError('no-responders'));
  });

  test('nothing of a request is kept: not when it is answered, nor when it ran out, nor when its child left', async () => {
    const { hub, clock, near, far, leave } = ipcBuses();
    far.respond('quick', (payload) => payload);
    near.respond('silent', () => undefined);
    await settle();
    await near.request('quick', new Uint8Array(), 100);
    expect(hub.pending).toBe(0);
    const late = near.request('silent', new Uint8Array(), 100).catch((error: unknown) => error);
    const left = far.request('silent', new Uint8Array(), 100).catch((error: unknown) => error);
    await settle();
    expect(hub.pending).toBe(2);
    leave();
    expect(hub.pending).toBe(1);
    clock.advance(100);
    expect([await late, await left]).toEqual([new BusError('timeout'), new BusError('timeout')]);
    await settle();
    expect(hub.pending).toBe(0);
  });

  test('two responders on one pattern: the pattern is answered until both have stopped', async () => {
    const { near, far } = ipcBuses();
    const stops = [far.respond('a', () => Uint8Array.of(1)), far.respond('a', () => Uint8Array.of(1))];
    for (const [stopped, stop] of stops.entries()) {
      await settle();
      expect({ stopped, answer: await near.request('a', new Uint8Array(), 100) }).toEqual({
        stopped,
        answer: Uint8Array.of(1),
      });
      stop();
      stop();
    }
    await settle();
    await expect(near.request('a', new Uint8Array(), 100)).rejects.toEqual(new BusError('no-responders'));
  });

  test.each([
    { name: 'nothing', message: null },
    { name: 'another kind', message: { kind: 'config' } },
    { name: 'a kind that every object has', message: { kind: 'toString' } },
    { name: 'a payload that is no bytes', message: { kind: 'bus', subject: 'a', payload: 'text' } },
    { name: 'a request without an id', message: { kind: 'bus-request', subject: 'a', payload: new Uint8Array() } },
    { name: 'an answer to nothing', message: { kind: 'bus-answer', id: 'zz', payload: new Uint8Array() } },
    { name: 'a change by two', message: { kind: 'bus-responds', pattern: 'a', change: 2 } },
    { name: 'an end of nothing', message: { kind: 'bus-forget', id: 'zz' } },
    { name: 'what only the hub says', message: { kind: 'bus-unanswered', id: '0' } },
  ])('$name on the same channel changes nothing, in either direction', async ({ message }) => {
    const { hub, near, far, second } = ipcBuses();
    const seen: number[] = [];
    far.subscribe('a', (payload) => seen.push(payload[0] as number));
    far.respond('b', (payload) => payload);
    second.parent.send(message);
    second.child.send(message);
    await settle();
    expect({ seen, pending: hub.pending }).toEqual({ seen: [], pending: 0 });
    near.publish('a', Uint8Array.of(1));
    expect(await near.request('b', Uint8Array.of(2), 100)).toEqual(Uint8Array.of(2));
    expect(seen).toEqual([1]);
  });
});
