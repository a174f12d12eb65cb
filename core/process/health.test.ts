import { describe, expect, test } from '@jest/globals';
import { Health, type Readiness } from './health.ts';

const SERVING: Readiness = { status: 'SERVING' };
const not = (reason: string): Readiness => ({ status: 'NOT_SERVING', reason });

describe('Health', () => {
  test('is not ready without components, nor until every one of them is', () => {
    const health = new Health();
    expect(health.overall()).toEqual(not('no_components'));
    health.register('links');
    health.register('codecs');
    expect(health.overall()).toEqual(not('starting'));
    health.serving('links');
    expect(health.overall()).toEqual(not('starting'));
    health.serving('codecs');
    expect(health.overall()).toEqual(SERVING);
    health.notServing('links', 'no_engine');
    expect(health.overall()).toEqual(not('no_engine'));
    expect(health.of('codecs')).toEqual(SERVING);
    expect(health.of('unknown')).toBeUndefined();
  });

  test('registering a known component does not take it down', () => {
    const health = new Health();
    health.serving('links');
    health.register('links');
    expect(health.overall()).toEqual(SERVING);
  });

  test('listeners hear changes once each, until they stop', () => {
    const health = new Health();
    const heard: [string, Readiness][] = [];
    const stop = health.listen((component, readiness) => heard.push([component, readiness]));
    health.register('a');
    health.serving('a');
    health.serving('a');
    health.notServing('a', 'x');
    health.notServing('a', 'x');
    health.notServing('a', 'y');
    stop();
    health.serving('a');
    expect(heard).toEqual([
      ['a', not('starting')],
      ['a', SERVING],
      ['a', not('x')],
      ['a', not('y')],
    ]);
  });

  test('a drain takes every component down', () => {
    const health = new Health();
    health.serving('a');
    health.serving('b');
    health.allNotServing('draining');
    expect([...health.components()]).toEqual([
      ['a', not('draining')],
      ['b', not('draining')],
    ]);
  });
});
