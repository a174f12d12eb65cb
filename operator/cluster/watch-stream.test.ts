import { describe, expect, test } from '@jest/globals';
import type { KubeFailure, WatchEvent } from './port.ts';
import { readWatch } from './watch-stream.ts';

async function read(
  ...chunks: (string | Uint8Array)[]
): Promise<{ events: WatchEvent[]; ends: (KubeFailure | undefined)[] }> {
  const encoder = new TextEncoder();
  const events: WatchEvent[] = [];
  const ends: (KubeFailure | undefined)[] = [];
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(typeof chunk === 'string' ? encoder.encode(chunk) : chunk);
  }
  await readWatch(bytes(), { event: (event) => events.push(event), end: (failure) => ends.push(failure) });
  return { events, ends };
}

function line(type: string, name = 'a', more: object = {}): string {
  const metadata = { name, uid: 'u', resourceVersion: '5', managedFields: [{ manager: 'x' }] };
  return `${JSON.stringify({ type, object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...more } })}\n`;
}

describe('readWatch', () => {
  test('reads events and bookmarks, frozen and without managedFields', async () => {
    const { events, ends } = await read(line('ADDED') + line('MODIFIED'), line('DELETED'), line('BOOKMARK'));
    expect(events.map(({ kind }) => kind)).toEqual(['added', 'modified', 'deleted', 'bookmark']);
    const [first] = events;
    if (first?.kind !== 'added') throw new Error('the first is an added object');
    expect(first.object.metadata).toEqual({ name: 'a', uid: 'u', resourceVersion: '5' });
    expect(Object.isFrozen(first.object.metadata)).toBe(true);
    expect(ends).toEqual([undefined]);
  });

  test('reads lines however they are cut, inside a character too', async () => {
    const whole = new TextEncoder().encode(line('ADDED', 'ä€') + line('MODIFIED', 'b'));
    for (let at = 0; at <= whole.length; at += 7) {
      const { events } = await read(whole.slice(0, at), whole.slice(at));
      expect(events.map((event) => (event.kind === 'bookmark' ? '' : event.object.metadata.name))).toEqual(['ä€', 'b']);
    }
  });

  test.each([
    { name: 'half a line', chunks: [line('ADDED'), '{"type":"MODI'], wantEvents: 1 },
    { name: 'a line that is no JSON', chunks: [line('ADDED'), 'oops\n', line('ADDED')], wantEvents: 1 },
    { name: 'a type that nobody knows', chunks: [line('EXPLODED')], wantEvents: 0 },
    {
      name: 'an object without a uid',
      chunks: ['{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n'],
      wantEvents: 0,
    },
    { name: 'a bookmark without a version', chunks: ['{"type":"BOOKMARK","object":{}}\n'], wantEvents: 0 },
    { name: 'a line that is null', chunks: ['null\n'], wantEvents: 0 },
  ])('$name ends the watch as malformed, after what came before', async ({ chunks, wantEvents }) => {
    const { events, ends } = await read(...chunks);
    expect(events).toHaveLength(wantEvents);
    expect(ends).toMatchObject([{ kind: 'malformed' }]);
  });

  test('an ERROR event is the server’s refusal', async () => {
    const status = { code: 410, reason: 'Expired', message: 'too old resource version: 1 (5)' };
    const { ends } = await read(`${JSON.stringify({ type: 'ERROR', object: status })}\n`, line('ADDED'));
    expect(ends).toMatchObject([{ kind: 'expired', status: 410, message: 'too old resource version: 1 (5)' }]);
  });

  test('a line without end is given up', async () => {
    const { ends } = await read(...Array.from({ length: 9 }, () => 'x'.repeat(1024 * 1024)));
    expect(ends).toMatchObject([{ kind: 'malformed', message: 'a watch line has no end' }]);
  });
});
