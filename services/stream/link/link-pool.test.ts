import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { codeOf, ENGINE } from '../scripted-engine.ts';
import { LinkPool } from './link-pool.ts';

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent };

/** A pool whose engines all refuse the connection; `dialled` are the addresses it tried. */
function rig() {
  const clock = new VirtualClock();
  const dialled: string[] = [];
  const links = new LinkPool({
    transport: {
      open: (address, { closed }) => {
        dialled.push(address);
        clock.after(1, () => closed('refused'));
        return { send: () => {}, close: () => {} };
      },
    },
    clock,
    random: seededRandom(5),
    logger: silent,
    gatewayId: 'gw',
    incarnation: '1',
    region: 'eu-test',
    onLoad: () => {},
    onAlive: () => {},
    onLost: () => {},
  });
  return { clock, dialled, links };
}

describe('LinkPool', () => {
  test.each([
    { name: 'is gone', address: undefined, wantDials: 0 },
    { name: 'was started again elsewhere', address: '10.0.0.9:1', wantDials: 0 },
    { name: 'is where it was', address: ENGINE.address, wantDials: 5 },
  ])('dials an engine that $name at least $wantDials times more', async ({ address, wantDials }) => {
    const { clock, dialled, links } = rig();
    const lost = codeOf(links.linkTo(ENGINE));
    clock.advance(1_000);
    expect(await lost).toBe('engine_lost');
    links.prune(() => address);
    const before = dialled.length;
    clock.advance(60_000);
    if (wantDials === 0) expect(dialled).toHaveLength(before);
    else expect(dialled.length).toBeGreaterThanOrEqual(before + wantDials);
  });

  test('dials the new address of an engine that moved, and the old one no more', async () => {
    const { clock, dialled, links } = rig();
    const before = codeOf(links.linkTo(ENGINE));
    const moved = { ...ENGINE, address: '10.0.0.9:1' };
    const after = codeOf(links.linkTo(moved));
    expect(await before).toBe('engine_lost');
    dialled.length = 0;
    clock.advance(1_000);
    expect(await after).toBe('engine_lost');
    expect(new Set(dialled)).toEqual(new Set([moved.address]));
  });
});
