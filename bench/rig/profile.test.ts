import type { Profiler } from 'node:inspector/promises';
import { describe, expect, test } from '@jest/globals';
import { summaryOf } from './profile.ts';

const node = (id: number, functionName: string, url: string): Profiler.ProfileNode => ({
  id,
  callFrame: { functionName, url, scriptId: '0', lineNumber: 0, columnNumber: 0 },
});

const profile = (nodes: Profiler.ProfileNode[], micros: readonly (readonly [number, number])[]): Profiler.Profile => ({
  nodes,
  startTime: 0,
  endTime: 0,
  samples: micros.map(([id]) => id),
  timeDeltas: micros.map(([, delta]) => delta),
});

describe('a profile', () => {
  test('is summed by part and by function, without the idle time and its own start', () => {
    const nodes = [
      node(1, '(idle)', ''),
      node(2, 'append', 'file:///repo/services/stream/transcript.ts'),
      node(3, 'write', 'file:///repo/node_modules/@grpc/grpc-js/build/src/call.js'),
      node(4, 'writeBuffer', ''),
      node(5, 'post', 'node:inspector'),
      node(6, '(garbage collector)', ''),
      node(7, '', 'node:internal/http2/core'),
      node(8, 'append', 'file:///repo/services/stream/transcript.ts'),
    ];
    const micros = [
      [1, 900],
      [2, 30],
      [8, 10],
      [3, 30],
      [4, 10],
      [5, 500],
      [6, 10],
      [7, 10],
    ] as const;
    const { parts, functions } = summaryOf(profile(nodes, micros));
    expect(parts).toEqual([
      'services/stream 40.0 %',
      '@grpc/grpc-js 30.0 %',
      'native code and system calls 10.0 %',
      'garbage collection 10.0 %',
      'node:internal/http2 10.0 %',
    ]);
    expect(functions.slice(0, 2)).toEqual(['append (transcript.ts) 40.0 %', 'write (call.js) 30.0 %']);
    expect(functions).toContain('anonymous (core) 10.0 %');
  });

  test('shares below 1 % and an idle process leave nothing', () => {
    const nodes = [node(1, '(idle)', ''), node(2, 'a', 'node:fs'), node(3, 'b', 'node:net')];
    expect(summaryOf(profile(nodes, [[1, 5]]))).toEqual({ parts: [], functions: [] });
    const large = [
      [2, 9_999],
      [3, 9],
    ] as const;
    expect(summaryOf(profile(nodes, large)).parts).toEqual(['node:fs 99.9 %']);
  });
});
