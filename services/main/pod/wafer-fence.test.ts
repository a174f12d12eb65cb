import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemEnv } from '@reticle/core/process';
import { takeWafer } from './wafer-fence.ts';

const { disk } = systemEnv();
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reticle-fence-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const take = (epoch: number, hardwareId = 'cs-1'): Promise<number> => takeWafer(disk, folder, { hardwareId, epoch });

describe('takeWafer', () => {
  test('counts the starts of one epoch, and each wafer by itself', async () => {
    expect([await take(3), await take(3), await take(1, 'cs-2'), await take(3)]).toEqual([1, 2, 1, 3]);
  });

  test('goes up only: a lower epoch is refused, and the higher one stays in force', async () => {
    await take(3);
    expect(await take(5)).toBe(1);
    await expect(take(4)).rejects.toMatchObject({ code: 'epoch_stale', details: { epoch: '4', taken: '5' } });
    expect(await take(5)).toBe(2);
  });

  test.each(['', '{', '[]', '{"epoch":"5","starts":1}', '{"epoch":5}'])(
    'opens for nobody when it reads %j',
    async (text) => {
      await writeFile(join(folder, 'cs-1.json'), text);
      await expect(take(9)).rejects.toMatchObject({ code: 'internal' });
    },
  );
});
