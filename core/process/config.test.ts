import { describe, expect, test } from '@jest/globals';
import { ConfigError } from './config-error.ts';
import { duration, flag, hostPort, integer, list, oneOf, path, text, type Parser } from './config-parsers.ts';
import { defaulted, environment, optional, parseConfig, readRawConfig, required, type RawConfig } from './config.ts';
import type { Disk } from './env.ts';

const file = (content: string | Error): Disk => ({
  readText: async (_path, bytesMax = Infinity) => {
    if (content instanceof Error) throw content;
    if (content.length > bytesMax) throw new RangeError('too large');
    return content;
  },
  writeText: () => Promise.reject(new Error('read only')),
  remove: () => Promise.reject(new Error('read only')),
  exists: async () => true,
});

const table = {
  listen: defaulted('RETICLE_LISTEN', hostPort(), { host: '127.0.0.1', port: 8080 }, 'Where clients connect.'),
  workers: required('RETICLE_WORKERS', integer({ min: 1, max: 64 }), 'Processes.'),
  grace: defaulted('RETICLE_GRACE', duration({ min: 0, max: 120_000 }), 2_000, 'Time before a stop.'),
  region: optional('RETICLE_REGION', text('a region name', /[a-z0-9-]{1,63}/), 'Cell region.'),
};

const problemsOf = (run: () => unknown): readonly string[] => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe('parsers', () => {
  test.each<{ name: string; parser: Parser<unknown>; raw: string; want: unknown }>([
    { name: 'integer', parser: integer({ min: 0, max: 10 }), raw: '10', want: 10 },
    { name: 'negative integer', parser: integer({ min: -5, max: 10 }), raw: '-5', want: -5 },
    { name: 'milliseconds', parser: duration({ min: 0, max: 1_000 }), raw: '250ms', want: 250 },
    { name: 'fractional seconds', parser: duration({ min: 0, max: 2_000 }), raw: '1.5s', want: 1_500 },
    { name: 'hours', parser: duration({ min: 0, max: 1e9 }), raw: '12h', want: 43_200_000 },
    { name: 'host and port', parser: hostPort(), raw: 'gw.example:443', want: { host: 'gw.example', port: 443 } },
    { name: 'IPv6 and port', parser: hostPort(), raw: '[::1]:0', want: { host: '::1', port: 0 } },
    { name: 'word', parser: oneOf(['a', 'b']), raw: 'b', want: 'b' },
    { name: 'flag', parser: flag(), raw: 'false', want: false },
    { name: 'relative path', parser: path('/base'), raw: 'x/../y', want: '/base/y' },
    { name: 'absolute path', parser: path('/base'), raw: '/etc/x', want: '/etc/x' },
    { name: 'list', parser: list(integer({ min: 0, max: 9 }), 3), raw: '1, 2,3', want: [1, 2, 3] },
  ])('$name: $raw', ({ parser, raw, want }) => {
    expect(parser.parse(raw)).toEqual({ value: want });
  });

  test.each<{ name: string; parser: Parser<unknown>; raw: string; wantProblem: string }>([
    { name: 'exponent', parser: integer({ min: 0, max: 1e9 }), raw: '1e3', wantProblem: 'expected an integer' },
    { name: 'hexadecimal', parser: integer({ min: 0, max: 99 }), raw: '0x10', wantProblem: 'expected an integer' },
    { name: 'blank', parser: integer({ min: 0, max: 99 }), raw: ' 1', wantProblem: 'expected an integer' },
    { name: 'over', parser: integer({ min: 0, max: 10 }), raw: '11', wantProblem: '11 is outside 0 to 10' },
    { name: 'under', parser: integer({ min: 1, max: 10 }), raw: '0', wantProblem: '0 is outside 1 to 10' },
    { name: 'no unit', parser: duration({ min: 0, max: 10 }), raw: '5', wantProblem: 'expected a duration' },
    { name: 'negative duration', parser: duration({ min: 0, max: 10 }), raw: '-5ms', wantProblem: 'expected a dur' },
    { name: 'too long', parser: duration({ min: 0, max: 10 }), raw: '1s', wantProblem: '1000ms is outside' },
    { name: 'no port', parser: hostPort(), raw: 'localhost', wantProblem: 'expected host:port' },
    { name: 'port over 16 bits', parser: hostPort(), raw: 'a:65536', wantProblem: 'port 65536 is above' },
    { name: 'bare IPv6', parser: hostPort(), raw: '::1:80', wantProblem: 'expected host:port' },
    { name: 'URL', parser: hostPort(), raw: 'http://a:80', wantProblem: 'expected host:port' },
    { name: 'wrong case', parser: oneOf(['a', 'b']), raw: 'B', wantProblem: 'expected one of a, b' },
    { name: 'not a flag', parser: flag(), raw: 'yes', wantProblem: 'expected one of true, false' },
    { name: 'NUL in a path', parser: path(), raw: 'a\0b', wantProblem: 'expected a path' },
    { name: 'pattern in the middle', parser: text('letters', /[a-z]+/), raw: '1a1', wantProblem: 'expected letters' },
    { name: 'line break', parser: text('a line'), raw: 'a\nb', wantProblem: 'expected a line' },
    { name: 'empty item', parser: list(text('word'), 3), raw: 'a,,b', wantProblem: 'item 2: empty' },
    { name: 'long list', parser: list(text('word'), 2), raw: 'a,b,c', wantProblem: '3 items are more than 2' },
  ])('refuses $name', ({ parser, raw, wantProblem }) => {
    expect(parser.parse(raw)).toEqual({ problem: expect.stringContaining(wantProblem) });
  });
});

describe('parseConfig', () => {
  const raw = (entries: Record<string, string>, source: 'environment' | 'file' = 'environment'): RawConfig => ({
    values: new Map(Object.entries(entries).map(([key, value]) => [key, { text: value, source }])),
    problems: [],
  });

  test('gives a frozen object of given values and defaults', () => {
    const config = parseConfig(table, raw({ RETICLE_WORKERS: '4', RETICLE_GRACE: '5s' }));
    expect(config).toEqual({ listen: { host: '127.0.0.1', port: 8080 }, workers: 4, grace: 5_000, region: undefined });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('lists every problem at once', () => {
    const values = raw({ RETICLE_LISTEN: 'nowhere', RETICLE_GRACE: '1d', RETICLE_REGION: 'eu-west' });
    expect(problemsOf(() => parseConfig(table, { ...values, problems: ['the file is odd'] }))).toEqual([
      'the file is odd',
      expect.stringMatching(/^RETICLE_LISTEN \(environment\): expected host:port/),
      'RETICLE_WORKERS: missing; expected an integer from 1 to 64',
      expect.stringMatching(/^RETICLE_GRACE \(environment\): expected a duration/),
    ]);
  });

  test('does not echo a text that may be a secret in the wrong place', () => {
    const problems = problemsOf(() => parseConfig(table, raw({ RETICLE_WORKERS: 'rtk_canary' })));
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('rtk_canary');
  });

  test('an unknown key is a problem in the file and none in the environment', () => {
    const odd = { RETICLE_WORKERS: '1', RETICLE_WORKRES: '2' };
    expect(problemsOf(() => parseConfig(table, raw(odd)))).toEqual([]);
    expect(problemsOf(() => parseConfig(table, raw(odd, 'file')))).toEqual([
      'RETICLE_WORKRES: unknown key in the configuration file',
    ]);
  });

  test('cross-checks run on a config whose fields are fine, and only then', () => {
    const check = (config: { readonly workers: number }) => (config.workers > 2 ? ['too many', 'still'] : []);
    expect(problemsOf(() => parseConfig(table, raw({ RETICLE_WORKERS: '3' }), { check }))).toEqual([
      'too many',
      'still',
    ]);
    expect(problemsOf(() => parseConfig(table, raw({ RETICLE_WORKERS: '2' }), { check }))).toEqual([]);
    expect(problemsOf(() => parseConfig(table, raw({ RETICLE_WORKERS: '99' }), { check }))).toHaveLength(1);
  });

  test('the error carries exit status 3 and every problem in its message', () => {
    const error = new ConfigError(['a: wrong', 'b: missing']);
    expect(error.exitCode).toBe(3);
    expect(error.message).toBe('configuration refused:\n  a: wrong\n  b: missing');
  });
});

describe('readRawConfig', () => {
  test('the environment wins over the file, and an empty variable is absent', async () => {
    const raw = await readRawConfig({
      environment: { A: 'from environment', B: '' },
      filePath: 'x.json',
      disk: file('{"A": "from file", "B": 12, "C": true}'),
    });
    expect(Object.fromEntries([...raw.values].map(([key, { text: value, source }]) => [key, [value, source]]))).toEqual(
      {
        A: ['from environment', 'environment'],
        B: ['12', 'file'],
        C: ['true', 'file'],
      },
    );
    expect(raw.problems).toEqual([]);
  });

  test('CRLF line ends are JSON', async () => {
    const raw = await readRawConfig({ environment: {}, filePath: 'x', disk: file('{\r\n"A": "b"\r\n}\r\n') });
    expect([raw.problems, raw.values.get('A')?.text]).toEqual([[], 'b']);
  });

  test.each([
    { name: 'not JSON', content: 'A=secret-canary', wantProblem: 'is not JSON in UTF-8' },
    { name: 'not UTF-8', content: new TypeError('decode'), wantProblem: 'is not JSON in UTF-8' },
    { name: 'an array', content: '[1]', wantProblem: 'is not a JSON object' },
    { name: 'null', content: 'null', wantProblem: 'is not a JSON object' },
    { name: 'missing or a loop of links', content: new Error('ELOOP'), wantProblem: 'cannot be read' },
    { name: 'huge', content: ' '.repeat(262_145), wantProblem: 'is larger than 262144 bytes' },
    { name: 'nested', content: '{"A": {"b": 1}, "C": null}', wantProblem: 'A (file): expected a string' },
  ])('a file that is $name is a problem, not an exception', async ({ content, wantProblem }) => {
    const raw = await readRawConfig({ environment: {}, filePath: 'x.json', disk: file(content) });
    expect(raw.problems[0]).toContain(wantProblem);
    expect(raw.problems.join()).not.toContain('secret-canary');
  });

  test('the environment is a frozen copy', () => {
    const copy = environment();
    expect(Object.isFrozen(copy)).toBe(true);
    expect(copy['PATH']).toEqual(expect.any(String));
  });
});
