import { describe, expect, test } from '@jest/globals';
import { systemEnv, type Disk } from '@reticle/core/process';
import { openConnection, type Context } from './context.ts';

const state = {
  version: 1,
  pid: 42,
  pidStart: '',
  grpc: '127.0.0.1:5,127.0.0.1:6',
  http: '127.0.0.1:7',
  apiKey: 'rtk_local',
  model: 'spark',
  models: ['spark'],
  processes: [],
};

/** A platform that runs at two addresses, and a command with these variables. */
function context(variables: Record<string, string>): Context {
  const disk: Disk = {
    readText: (path) =>
      path.startsWith('/proc') ? Promise.reject(new Error('none')) : Promise.resolve(JSON.stringify(state)),
    writeText: () => Promise.reject(new Error('read only')),
    remove: () => Promise.reject(new Error('read only')),
    exists: () => Promise.resolve(true),
  };
  return { env: { ...systemEnv(), disk }, variables, isAlive: () => true } as unknown as Context;
}

describe('openConnection', () => {
  test.each([
    { name: 'without a word', target: undefined, variables: {} },
    { name: 'by one of its addresses', target: '127.0.0.1:6', variables: {} },
    { name: 'by both', target: ' 127.0.0.1:6, 127.0.0.1:5', variables: {} },
    { name: 'by the environment', target: undefined, variables: { RETICLE_GRPC: '127.0.0.1:5' } },
    { name: 'by the flag, against the environment', target: '127.0.0.1:5', variables: { RETICLE_GRPC: 'far:1' } },
  ])('takes key and model of the platform that runs, named $name', async ({ target, variables }) => {
    const { client, model, state: known } = await openConnection(context(variables), target);
    client.close();
    expect([model, known?.apiKey]).toEqual(['spark', 'rtk_local']);
  });

  test.each([
    { name: 'another address', target: 'gateway.example:1' },
    { name: 'another address beside its own', target: '127.0.0.1:5,gateway.example:1' },
  ])('never gives the platform’s key to $name', async ({ target }) => {
    await expect(openConnection(context({}), target)).rejects.toMatchObject({ code: 'invalid_api_key' });
    const { client, model, state: known } = await openConnection(context({ RETICLE_API_KEY: 'rtk_mine' }), target);
    client.close();
    expect([model, known]).toEqual([undefined, undefined]);
  });

  test('refuses a target that is none', async () => {
    await expect(openConnection(context({}), '127.0.0.1:5,')).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
