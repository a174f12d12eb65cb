/** What `npm start` prints for clients works as printed. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { PrintedLines, printedClients } from './printed-lines.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

let lines: PrintedLines;

beforeAll(async () => {
  lines = new PrintedLines();
  await lines.ready();
});
afterAll(() => lines[Symbol.asyncDispose]());

describe('the lines for clients that npm start prints', () => {
  test.each(printedClients)('%s', async (client) => {
    const { stdout, stderr, code } = await lines.run(client);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/queue/i);
    expect(stdout).not.toContain('"error":{');
    // What Codex says of a model that its catalog does not have.
    expect(`${stdout}${stderr}`).not.toContain('Model metadata');
  });
});
