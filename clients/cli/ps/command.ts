import { parseArguments } from '../arguments.ts';
import { stateOptions, type Command } from '../context.ts';
import { table } from '../figures.ts';
import { requireLocalState, type LocalProcess } from '../local-state.ts';

/** Role, pid and metrics address of each process, gateways first. */
export function processTable(processes: readonly LocalProcess[]): string {
  const sorted = processes.toSorted((a, b) => order(a) - order(b));
  const rows = sorted.map(({ role, pid, metrics = '' }) => [role, String(pid), metrics]);
  return table([['PROCESS', 'PID', processes.some(({ metrics }) => metrics !== undefined) ? 'METRICS' : ''], ...rows]);
}

function order({ role }: LocalProcess): number {
  return role === 'gateway' ? 0 : 1;
}

export const psCommand: Command = {
  name: 'ps',
  summary: 'processes of the running local platform',
  help: `Usage: reticle ps

Lists the gateways and engines of the running local platform with their process ids and the addresses of their metrics,
as they are at this moment: one that died is started again under another id.

Examples:
  reticle ps
  kill -9 "$(reticle ps | awk '/^gateway/ {print $2; exit}')"
  kill -9 "$(reticle ps | awk '/^engine/ {print $2; exit}')"
`,
  async run(context, args) {
    parseArguments(args, { command: 'reticle ps', options: {} });
    const { processes } = await requireLocalState(stateOptions(context));
    context.terminal.out(processTable(processes.filter(({ pid }) => context.isAlive(pid))));
    return 0;
  },
};
