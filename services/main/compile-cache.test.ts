import { describe, expect, test } from '@jest/globals';
import { compileCacheEnvironment } from './compile-cache.ts';

describe('the compile cache of children', () => {
  test.each([
    {
      name: 'lies in the cache folder of the user',
      environment: { XDG_CACHE_HOME: '/c', HOME: '/h' },
      want: { NODE_COMPILE_CACHE: '/c/reticle/compile' },
    },
    {
      name: 'lies at home where there is no cache folder',
      environment: { XDG_CACHE_HOME: '', HOME: '/h' },
      want: { NODE_COMPILE_CACHE: '/h/.cache/reticle/compile' },
    },
    { name: 'is left where the user has put it', environment: { HOME: '/h', NODE_COMPILE_CACHE: '/mine' }, want: {} },
    { name: 'is left off', environment: { HOME: '/h', NODE_DISABLE_COMPILE_CACHE: '1' }, want: {} },
  ])('$name', ({ environment, want }) => {
    expect(compileCacheEnvironment(environment)).toEqual(want);
  });
});
