import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { checkFields, errorFields, type LogFields } from './log-fields.ts';
import { createLogger, memoryLogger, silentLogger, type LogLevel } from './log.ts';

/** What a cast or a spread can carry past the types. */
const smuggled = (fields: Record<string, unknown>): LogFields => fields as LogFields;

const captured = (level: LogLevel = 'debug') => {
  const lines: string[] = [];
  let dropped = 0;
  const logger = createLogger({
    level,
    clock: new VirtualClock({ wallMs: 1_700_000_000_000 }),
    dropped: { add: (count) => (dropped += count) },
    output: { write: (line) => lines.push(line) },
  });
  return { logger, lines, dropped: () => dropped };
};

describe('createLogger', () => {
  test('writes one JSON line per record', () => {
    const { logger, lines } = captured();
    logger.info('turn ended', { session: 's1', ms: 12.5, count: 0, reason: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: 1_700_000_000_000,
      message: 'turn ended',
      session: 's1',
      ms: 12.5,
      count: 0,
    });
  });

  test('drops and counts keys outside the list and values that are not plain', () => {
    const { logger, lines, dropped } = captured();
    logger.warn('odd', smuggled({ prompt: 'canary', session: { text: 'canary' }, turn: ['canary'], port: 1 }));
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: 'odd', port: 1 });
    expect(lines.join()).not.toContain('canary');
    expect(dropped()).toBe(3);
  });

  test('no field can pose as level, time or message', () => {
    const { logger, lines, dropped } = captured();
    logger.info('real', smuggled({ level: 'error', time: 0, message: 'false' }));
    expect(JSON.parse(lines[0] ?? '')).toEqual({ level: 'info', time: 1_700_000_000_000, message: 'real' });
    expect(dropped()).toBe(3);
  });

  test('line breaks in a value stay inside the line', () => {
    const { logger, lines } = captured();
    logger.error('x', { reason: 'a\n{"level":"info"}' });
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
  });

  test.each<{ level: LogLevel; wantLevels: string[] }>([
    { level: 'debug', wantLevels: ['debug', 'info', 'warn', 'error'] },
    { level: 'warn', wantLevels: ['warn', 'error'] },
    { level: 'silent', wantLevels: [] },
  ])('at level $level', ({ level, wantLevels }) => {
    const { logger, lines } = captured(level);
    logger.debug('m');
    logger.info('m');
    logger.warn('m');
    logger.error('m');
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(wantLevels);
  });

  test('children add their fields, a record wins, and the list holds for them too', () => {
    const { logger, lines, dropped } = captured();
    const child = logger.child(smuggled({ region: 'r1', engine: 'e1', key: 'canary' })).child({ lane: 3 });
    child.info('m', { engine: 'e2' });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ region: 'r1', engine: 'e2', lane: 3 });
    expect([lines.join().includes('canary'), dropped()]).toEqual([false, 1]);
  });
});

describe('memoryLogger', () => {
  test('keeps the records of its children, behind the same list', () => {
    const logger = memoryLogger();
    logger.child({ replica: 'a' }).error('lost', smuggled({ code: 'engine_lost', body: 'canary' }));
    logger.debug('loop');
    expect(logger.records).toEqual([
      { level: 'error', message: 'lost', fields: { replica: 'a', code: 'engine_lost' } },
      { level: 'debug', message: 'loop', fields: {} },
    ]);
    expect(logger.dropped()).toBe(1);
  });

  test('the silent one takes everything and has silent children', () => {
    expect(() => silentLogger.child({ port: 1 }).error('x', { code: 'y' })).not.toThrow();
  });
});

describe('checkFields', () => {
  test('cuts a text that is too long to be an id', () => {
    const { fields } = checkFields({ reason: 'x'.repeat(100_000) });
    expect(String(fields['reason'])).toHaveLength(2_048);
  });

  test('inherited names are not keys', () => {
    expect(checkFields(smuggled({ constructor: 'x', toString: 'y' }))).toEqual({ fields: {}, dropped: 2 });
  });
});

describe('errorFields', () => {
  const parseError = (): unknown => {
    try {
      return JSON.parse('canary prompt');
    } catch (error) {
      return error;
    }
  };

  test('a foreign error gives name and frames, not its text, which may quote input', () => {
    const fields = errorFields(parseError());
    expect(fields.errorName).toBe('SyntaxError');
    expect(fields.stack).toContain('at ');
    expect(JSON.stringify(fields)).not.toContain('canary');
  });

  test('a text of several lines does not hide among the frames', () => {
    expect(JSON.stringify(errorFields(new Error('a\n    at canary (x.ts:1:1)')))).not.toContain('canary');
  });

  test('our own errors give code and text, and of the cause its code', () => {
    const cause = Object.assign(new Error('canary'), { code: 'ECONNREFUSED' });
    const fields = errorFields(new ReticleError('engine_lost', 'the engine is gone', { cause }));
    expect(fields).toMatchObject({ code: 'engine_lost', errorText: 'the engine is gone', reason: 'ECONNREFUSED' });
    expect(JSON.stringify(fields)).not.toContain('canary');
  });

  test.each([
    { name: 'a string', thrown: 'canary', wantName: 'string' },
    { name: 'nothing', thrown: undefined, wantName: 'undefined' },
    { name: 'an object', thrown: { message: 'canary' }, wantName: 'object' },
  ])('$name that was thrown gives its type alone', ({ thrown, wantName }) => {
    expect(errorFields(thrown)).toEqual({ errorName: wantName });
  });

  test('a code that could be content is left out', () => {
    expect(errorFields(Object.assign(new Error('x'), { code: 'a canary code' })).code).toBeUndefined();
  });
});
