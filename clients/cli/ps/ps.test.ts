import { describe, expect, test } from '@jest/globals';
import { processTable } from './command.ts';

describe('processTable', () => {
  test('names the address of metrics where there is one', () => {
    const table = processTable([
      { role: 'gateway', pid: 33, metrics: 'http://127.0.0.1:9464/metrics' },
      { role: 'nats', pid: 7 },
    ]);
    expect(table).toBe(
      [`PROCESS  PID${'METRICS'.padStart(31)}`, 'gateway   33  http://127.0.0.1:9464/metrics', 'nats       7', ''].join(
        '\n',
      ),
    );
  });

  test('lists gateways first, each with its pid at a line’s end', () => {
    const table = processTable([
      { role: 'engine', pid: 901 },
      { role: 'gateway', pid: 33 },
      { role: 'engine', pid: 7 },
    ]);
    expect(table).toBe('PROCESS  PID\ngateway   33\nengine   901\nengine     7\n');
  });
});
