import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { failpoints, type FailpointName } from '@reticle/core/process';
import { scenarios } from './scenarios.ts';

/** Names in the product's calls; a name at two places would not say where its process stands. */
const services = join(import.meta.dirname, '../../services');
const places = readdirSync(services, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .flatMap((file) => [...readFileSync(join(services, file), 'utf8').matchAll(/\bfailpoint\('([^']+)'\)/g)])
  .map(([, name]) => name);

describe('each failpoint', () => {
  test.each(Object.keys(failpoints) as FailpointName[])('%s is placed once and has a scenario', (name) => {
    expect(places.filter((place) => place === name)).toEqual([name]);
    expect(scenarios.filter(({ failpoint }) => failpoint === name).length).toBeGreaterThan(0);
  });
});

describe('scenarios', () => {
  test('have names of their own, each under its promise', () => {
    const names = scenarios.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^P[1-4]\.[a-z-]+$/);
  });
});
