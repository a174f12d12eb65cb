import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { explained } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { planCommand } from './command.ts';

const EXAMPLES = join(import.meta.dirname, '../../../examples');
/** After every phase of the examples that has a date in 2026 came online. */
const AT = ['--at', '2026-11-22'];

async function run(args: readonly string[]): Promise<{ exit: number; out: string; err?: string }> {
  let out = '';
  const context = {
    terminal: { out: (text: string) => void (out += text) },
    variables: {},
    env: { clock: { wallMs: () => 1_800_000_000_000 }, disk: { readText: (path: string) => readFile(path, 'utf8') } },
  } as unknown as Context;
  try {
    return { exit: await planCommand.run(context, args), out };
  } catch (error) {
    const failure = explained(error);
    if (failure === undefined) throw error;
    return { exit: failure.exitCode, out, err: failure.message };
  }
}

describe('reticle plan', () => {
  test.each([
    { scene: 'one-region', wantRegions: ['us-east 2/2 21'] },
    { scene: 'three-regions', wantRegions: ['eu-central 1/1 21', 'us-east 2/2 21', 'us-west 1/1 21'] },
    { scene: 'local', wantRegions: ['local 1/1 12'] },
  ])('examples/$scene fits', async ({ scene, wantRegions }) => {
    const { exit, out } = await run([join(EXAMPLES, scene), ...AT, '-o', 'json']);
    const { fits, regions } = JSON.parse(out) as {
      fits: boolean;
      regions: { region: string; desired: number; placed: number; wafers: number }[];
    };
    const got = regions.map(({ region, desired, placed, wafers }) => `${region} ${placed}/${desired} ${wafers}`);
    expect({ exit, fits, got }).toEqual({ exit: 0, fits: true, got: wantRegions });
  });

  test('a supposition that does not fit ends with 1 and says what is short', async () => {
    const more = ['--what-if', 'md/agent-1t.regions.us-east.replicas=4'];
    const { exit, out } = await run([join(EXAMPLES, 'one-region'), ...AT, ...more]);
    expect(exit).toBe(1);
    expect(out).toContain('  FreeWafersShort us-east-p01: need 22 free wafers, have 1\n');
    expect(out).toContain('3 of 4 wanted replicas have a place.');
  });

  test('several suppositions hold together', async () => {
    const ifs = ['md/agent-1t.regions.us-east.replicas=1', 'wf/us-east-p01-000=unhealthy'];
    const flags = ifs.flatMap((each) => ['--what-if', each]);
    const { exit, out } = await run([join(EXAMPLES, 'one-region'), ...AT, ...flags]);
    expect(exit).toBe(0);
    expect(out).toContain('    0  !AAAAAAA');
  });

  test('before its phase is online nothing has a place, and the date is named', async () => {
    const { exit, out } = await run([join(EXAMPLES, 'one-region'), '--at', '2026-02-01']);
    expect(exit).toBe(1);
    expect(out).toContain('PhaseNotOpen us-east-p01');
    expect(out).toContain('phase us-east-1 at 2026-05-04T00:00:00Z');
  });

  test.each([
    { args: [], wantExit: 2, wantErr: 'needs FILE, --kubeconfig, or both' },
    { args: [join(EXAMPLES, 'nowhere')], wantExit: 3, wantErr: 'cannot be read' },
    { args: [join(EXAMPLES, 'local'), '--at', 'soon'], wantExit: 2, wantErr: '--at "soon" is no time' },
    { args: [join(EXAMPLES, 'local'), '--at', '2026-02-30'], wantExit: 2, wantErr: 'is no time' },
    { args: [join(EXAMPLES, 'local'), '-o', 'yaml'], wantExit: 2, wantErr: '-o is json or text' },
    { args: [join(EXAMPLES, 'local'), '--what-if', 'x'], wantExit: 2, wantErr: '--what-if: "x" is not KIND/NAME' },
    {
      args: [join(EXAMPLES, 'local'), '--what-if', 'md/spark-ref.shape.wafes=3'],
      wantExit: 3,
      wantErr: 'did you mean "wafers"?',
    },
  ])('refuses $args', async ({ args, wantExit, wantErr }) => {
    expect(await run(args)).toMatchObject({ exit: wantExit, err: expect.stringContaining(wantErr) });
  });
});
