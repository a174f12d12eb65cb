import { noAnswer, refusal, type KubeStatus } from './failure.ts';
import { received } from './object.ts';
import type { KubeFailure, WatchEvent, WatchListener } from './port.ts';

/** Longest line; an object is at most 3 MiB in etcd's default limit of a request. */
const LINE_CHARACTERS_MAX = 8 * 1024 * 1024;

const changeOf: Readonly<Record<string, 'added' | 'modified' | 'deleted'>> = {
  ADDED: 'added',
  MODIFIED: 'modified',
  DELETED: 'deleted',
};

/**
 * Reads the lines of a watch until its end and tells each. A line that cannot be read ends the watch with `malformed`:
 * whoever watches on from its revision gets the event again, where the library would have dropped it. Rejects only
 * when the connection does.
 */
export async function readWatch(chunks: AsyncIterable<Uint8Array>, listener: WatchListener): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const read = readLine(line);
      if ('failure' in read) return listener.end(read.failure);
      listener.event(read.event);
    }
    if (rest.length > LINE_CHARACTERS_MAX) return listener.end(noAnswer('malformed', 'a watch line has no end'));
  }
  listener.end(rest.trim() === '' ? undefined : noAnswer('malformed', 'the watch ended inside a line'));
}

function readLine(line: string): { event: WatchEvent } | { failure: KubeFailure } {
  let raw: { type?: unknown; object?: unknown };
  try {
    raw = (JSON.parse(line) ?? {}) as typeof raw;
  } catch {
    return { failure: noAnswer('malformed', 'a watch line is not JSON') };
  }
  if (raw.type === 'ERROR') {
    const status = (raw.object ?? {}) as KubeStatus;
    return { failure: refusal(status.code ?? 500, status) };
  }
  if (raw.type === 'BOOKMARK') return bookmark(raw.object);
  const kind = changeOf[String(raw.type)];
  const object = received(raw.object);
  if (kind === undefined || object === undefined) {
    return { failure: noAnswer('malformed', 'a watch line is no event of an object') };
  }
  return { event: { kind, object } };
}

function bookmark(object: unknown): { event: WatchEvent } | { failure: KubeFailure } {
  const { metadata } = (object ?? {}) as { metadata?: { resourceVersion?: unknown } };
  const resourceVersion = metadata?.resourceVersion;
  return typeof resourceVersion === 'string'
    ? { event: { kind: 'bookmark', resourceVersion } }
    : { failure: noAnswer('malformed', 'a bookmark has no resourceVersion') };
}
