import { costAtMost, type Cell, type Figures, type Goal } from '../result.ts';
import { wireNotes, type WireName } from '../rig/wired-platform.ts';
import { cellOf } from '../run.ts';
import { percentile, ratioSpread, type Spread } from '../statistics.ts';
import type { PreparedReport } from './client-process.ts';

export type PreparedResult = {
  readonly wire: WireName;
  /** One of each round. */
  readonly reports: readonly PreparedReport[];
  readonly rigCore: number;
  readonly rssMiB: number;
};

const RATIO_MAX = 0.25;

const p50Ms = (micros: readonly number[]): number => percentile(micros, 0.5) / 1000;

export function lineOf({ preparedMicros, coldMicros }: PreparedReport): string {
  return `prepared ${p50Ms(preparedMicros).toFixed(2)}, cold ${p50Ms(coldMicros).toFixed(2)} ms`;
}

function ratioOf({ reports }: PreparedResult): Spread {
  return ratioSpread(
    reports.map(({ preparedMicros }) => p50Ms(preparedMicros)),
    reports.map(({ coldMicros }) => p50Ms(coldMicros)),
  );
}

export function preparedCells(results: readonly PreparedResult[]): Cell[] {
  return results.flatMap((result) => {
    const { wire, reports, rigCore, rssMiB } = result;
    const common = { sut: 'ours', lost: 0, doubled: 0, rigCpu: rigCore, rssMiB };
    return [
      cellOf({
        ...common,
        id: `${wire}-prepared`,
        referent: `${wire}-cold`,
        ratio: ratioOf(result),
        figures: figuresOf(reports.flatMap(({ preparedMicros }) => preparedMicros)),
        notes: ['an open WebSocket, the prefix of 39.5 KB sent before with generate: false', ...wireNotes[wire]],
      }),
      cellOf({
        ...common,
        id: `${wire}-cold`,
        figures: figuresOf(reports.flatMap(({ coldMicros }) => coldMicros)),
        notes: ['connect, authenticate, prefix and question in one request'],
      }),
    ];
  });
}

function figuresOf(micros: readonly number[]): Figures {
  return {
    turns: micros.length,
    firstEventMsP50: p50Ms(micros),
    firstEventMsP99: percentile(micros, 0.99) / 1000,
  };
}

export function preparedGoals(results: readonly PreparedResult[]): Goal[] {
  return results.map((result) =>
    costAtMost(
      {
        id: `G5 ${result.wire}`,
        limit: `first event of a prepared turn ÷ of a cold one, p50 ≤ ${RATIO_MAX}`,
        target: RATIO_MAX,
        measured: ratioOf(result).median,
      },
      true,
    ),
  );
}
