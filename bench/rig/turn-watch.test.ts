import { describe, expect, test } from '@jest/globals';
import { TurnWatch } from './turn-watch.ts';

const CREATED = '{"type":"response.created","sequence_number":16}';
const DELTA = '{"type":"response.output_text.delta","sequence_number":64,"delta":"abcdefg "}';
const ENDED = JSON.stringify({
  type: 'response.incomplete',
  response: { id: 'resp_1', output: [{ type: 'message', content: [{ text: 'abcdefg ' }] }] },
});

function watched(events: readonly string[]): TurnWatch {
  const watch = new TurnWatch();
  for (const event of events) watch.event(Buffer.from(event), 0, Buffer.byteLength(event));
  return watch;
}

describe('TurnWatch', () => {
  test('tells id, text and times in their order', async () => {
    const { responseId, text, ...times } = await watched([CREATED, DELTA, DELTA, ENDED]).over;
    expect([responseId, text]).toEqual(['resp_1', 'abcdefg ']);
    const { sentMicros, eventMicros, firstMicros, endMicros } = times;
    const order = [sentMicros, eventMicros, firstMicros, endMicros];
    expect(order.toSorted((left, right) => left - right)).toEqual(order);
  });

  test('has no first token where there was none', async () => {
    expect((await watched([CREATED, ENDED]).over).firstMicros).toBeNaN();
  });

  test.each(['{"type":"response.failed","response":{}}', '{"type":"error","status":429}'])(
    'rejects at %s',
    async (json) => {
      await expect(watched([CREATED, json]).over).rejects.toThrow(json);
    },
  );
});
