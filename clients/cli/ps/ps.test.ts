import { describe, expect, test } from '@jest/globals';
import { processTable } from './command.ts';

describe('processTable', () => {
  test('lists gateways first, each with its pid at a line’s end', () => {
    const table = processTable([
      { role: 'engine', pid: 901 },
      { role: 'gateway', pid: 33 },
      { role: 'engine', pid: 7 },
    ]);
    expect(table).toBe('PROCESS  PID\ngateway   33\nengine   901\nengine     7\n');
  });
});
