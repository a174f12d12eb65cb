/** A jest transformer: `@swc/jest` over modules into one of which the bug that `RETICLE_ZOO` names is planted. */
import { createHash } from 'node:crypto';
import { createTransformer as createSwc } from '@swc/jest';
import { plant } from './bug.ts';
import { planted } from './planted.ts';

type Swc = Required<Pick<ReturnType<typeof createSwc>, 'process' | 'processAsync' | 'getCacheKey'>>;

/** What jest asks of a transformer; the key of the planted module differs per bug, so one cache serves all of them. */
export function createTransformer(options: Parameters<typeof createSwc>[0]): Swc {
  const swc = createSwc(options) as Swc;
  const found = planted();
  const textOf = (source: string, path: string): string => (found?.path === path ? plant(found.bug, source) : source);
  return {
    process: (source, path, rest) => swc.process(textOf(source, path), path, rest),
    processAsync: (source, path, rest) => swc.processAsync(textOf(source, path), path, rest),
    getCacheKey: (source, path, rest) => {
      const key = swc.getCacheKey(source, path, rest);
      return found?.path === path
        ? createHash('sha1').update(key).update(JSON.stringify(found.bug)).digest('hex')
        : key;
    },
  };
}
