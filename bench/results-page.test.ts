import { describe, expect, test } from '@jest/globals';
import { cell, result } from './result-kit.ts';
import { costAtMost } from './result.ts';
import { resultsPage } from './results-page.ts';

function on(date: string, short = false) {
  return result({ date, at: `${date}T10:00:00.000Z`, short });
}

describe('resultsPage', () => {
  test('shows goals, cells, spreads and notes', () => {
    const goal = costAtMost({ id: 'C2', limit: '≤ 0.35', target: 0.35, measured: 0.41234 }, true);
    const ours = cell({
      id: 'ratio',
      referent: 'bare',
      ratio: { median: 0.41234, iqr: [0.4, 0.42] },
      newestMs: { p50: 0.5, p99: 2.25 },
      rigCpu: 0.95,
      rigBound: true,
      figures: { links: 1 },
      notes: ['both ends'],
    });
    const page = resultsPage([{ path: 'results/link/x.json', result: result({ goal, goals: [goal], cells: [ours] }) }]);
    expect(page).toContain('| C2 | ≤ 0.35 | 0.412 | **no** |');
    expect(page).toContain('| ratio (÷ bare) | – | 0.412 [0.4, 0.42] | 0.5 / 2.25 | 0/0 | 0.95 rig-bound | links 1 |');
    expect(page).toContain('- ratio: both ends');
    expect(page).toContain('[x.json](results/link/x.json)');
  });

  test.each([
    {
      name: 'the newest full run',
      files: [on('2026-12-01'), on('2026-12-03'), on('2026-12-02')],
      want: '2026-12-03',
    },
    {
      name: 'a full run before a newer short one',
      files: [on('2026-12-01'), on('2026-12-03', true)],
      want: '2026-12-01',
    },
    {
      name: 'a short run when there is no other',
      files: [on('2026-12-04', true)],
      want: '2026-12-04',
    },
  ])('shows $name', ({ files, want }) => {
    const page = resultsPage(files.map((each, index) => ({ path: `results/link/${index}.json`, result: each })));
    expect(page.match(/2026-12-\d\d/g)).toEqual([want]);
  });

  test('keeps host classes and benches apart', () => {
    const other = result({ host: { ...result().host, cores: 64 } });
    const plane = result({ bench: 'plane' });
    const page = resultsPage(
      [plane, other, result()].map((each, index) => ({ path: `results/${index}.json`, result: each })),
    );
    expect(page.match(/^## \w+/gm)).toEqual(['## link', '## link', '## plane']);
  });

  test('says when a run is void', () => {
    const page = resultsPage([{ path: 'x', result: result({ valid: false, cells: [cell({ lost: 1 })] }) }]);
    expect(page).toContain('## link — VOID');
  });

  test('says what a short run is', () => {
    expect(resultsPage([{ path: 'x', result: result({ short: true }) }])).toContain('## link (short run)');
  });
});
