import { cellOf } from './run.ts';
import { countAtMost, type Cell, type Result } from './result.ts';

/** A cell of a test: one round that lost nothing. */
export function cell(given: Partial<Cell> = {}): Cell {
  return cellOf({ id: 'a', sut: 'ours', lost: 0, doubled: 0, rigCpu: 0.1, rssMiB: 50, figures: {}, ...given });
}

/** A result of a test. */
export function result(given: Partial<Result> = {}): Result {
  const goal = countAtMost({ id: 'lost', limit: '0', target: 0, measured: 0 });
  return {
    bench: 'link',
    commit: 'abc',
    sources: '00ff',
    cmd: 'npm run bench -- link',
    date: '2026-12-01',
    at: '2026-12-01T10:00:00.000Z',
    short: false,
    valid: true,
    host: {
      cpu: 'AMD EPYC',
      cores: 2,
      kernel: '6',
      governor: 'unknown',
      node: '24.21.0',
      flags: [],
      nice: 0,
      load: [0.1, 0.2],
      spinNoise: 0.01,
    },
    rig: 'ts',
    pin: { gen: [0], sut: [1] },
    rounds: 7,
    profile: 'bench-flat',
    cells: [cell()],
    skipped: [],
    goal,
    goals: [goal],
    ...given,
  };
}
