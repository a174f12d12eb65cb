import { describe, expect, test } from '@jest/globals';
import { BusHub, ChannelBus, LocalBus, subjectMatches, type Bus, type Channel } from './index.ts';

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

function ipcBuses(): { publisher: Bus; subscriber: Bus; leave: () => void } {
  const hub = new BusHub();
  const [first, second] = [channelPair(), channelPair()];
  hub.join(first.parent);
  const leave = hub.join(second.parent);
  return { publisher: new ChannelBus(first.child), subscriber: new ChannelBus(second.child), leave };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

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

describe.each([
  {
    adapter: 'local',
    make: () => {
      const bus = new LocalBus();
      return { publisher: bus as Bus, subscriber: bus as Bus };
    },
  },
  { adapter: 'channel', make: ipcBuses },
])('bus adapter $adapter', ({ make }) => {
  test('delivers to matching subscribers, in order, outside the publisher’s stack', async () => {
    const { publisher, subscriber } = make();
    const seen: string[] = [];
    subscriber.subscribe('presence.*', (payload, subject) => seen.push(`${subject}=${payload[0]}`));
    publisher.publish('presence.one', Uint8Array.of(1));
    publisher.publish('other.one', Uint8Array.of(9));
    publisher.publish('presence.two', Uint8Array.of(2));
    expect(seen).toEqual([]);
    await settle();
    expect(seen).toEqual(['presence.one=1', 'presence.two=2']);
  });

  test('a removed subscription hears nothing more', async () => {
    const { publisher, subscriber } = make();
    const seen: number[] = [];
    const stop = subscriber.subscribe('a', (payload) => seen.push(payload[0] as number));
    publisher.publish('a', Uint8Array.of(1));
    await settle();
    stop();
    publisher.publish('a', Uint8Array.of(2));
    await settle();
    expect(seen).toEqual([1]);
  });
});

describe('BusHub', () => {
  test('a child that left hears nothing more and foreign messages are ignored', async () => {
    const { publisher, subscriber, leave } = ipcBuses();
    const seen: number[] = [];
    subscriber.subscribe('a', (payload) => seen.push(payload[0] as number));
    publisher.publish('a', Uint8Array.of(1));
    await settle();
    leave();
    publisher.publish('a', Uint8Array.of(2));
    await settle();
    expect(seen).toEqual([1]);
  });

  test('messages of another shape on the same channel are not bus messages', async () => {
    const { child, parent } = channelPair();
    const bus = new ChannelBus(child);
    const seen: number[] = [];
    bus.subscribe('a', (payload) => seen.push(payload[0] as number));
    parent.send({ kind: 'bus', subject: 'a', payload: 'text' });
    parent.send(null);
    parent.send({ kind: 'config' });
    await settle();
    expect(seen).toEqual([]);
  });
});
