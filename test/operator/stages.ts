import { specOf, type OperatorRun } from './operator-run.ts';
import { deployment } from './scene.ts';

/** One step of the reference run: what somebody does, and where it has to end. */
export type Stage = {
  readonly name: string;
  readonly begin: (run: OperatorRun) => Promise<unknown>;
  readonly isDone: (run: OperatorRun) => boolean;
};

/** Creation, rollout, swap, drain, deletion: each begins where the one before ended. */
export const stages: readonly Stage[] = [
  {
    name: 'create',
    begin: ({ cluster }) => cluster.create(deployment()),
    isDone: (run) => run.isServing(),
  },
  {
    name: 'rollout',
    begin: ({ cluster }) =>
      cluster.merge('ModelDeployment', 'spark', { spec: { engine: { args: { tokens: 'code' } } } }),
    isDone: (run) => run.isServing(),
  },
  {
    name: 'swap',
    begin: (run) => run.loseHostOf(1),
    isDone: (run) => run.isServing() && specOf(run.replica()).epoch > 1,
  },
  {
    name: 'drain',
    begin: async (run) => {
      const pool = specOf(run.replica()).plan?.pool ?? '';
      await run.cluster.merge('WaferPool', pool, { spec: { service: 'Evacuate', serviceReason: 'Maintenance' } });
    },
    isDone: (run) => run.isServing() && isOpen(run, specOf(run.replica()).plan?.pool),
  },
  {
    name: 'delete',
    begin: ({ cluster }) => cluster.remove('ModelDeployment', 'spark'),
    isDone: (run) => run.isEmpty(),
  },
];

function isOpen({ cluster }: OperatorRun, pool = ''): boolean {
  const { service } = cluster.get('WaferPool', pool).spec as { readonly service: string };
  return service === 'Open';
}
