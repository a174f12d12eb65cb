/** `npm run verify`: what a reviewer checks by hand, in under a minute. Begins nothing new after a failed step. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot, toolEnvironment } from './run-tool.ts';

type Step = { readonly name: string; readonly command: readonly [string, ...string[]] };

const tool = (name: string): string => join(repositoryRoot, 'node_modules/.bin', name);
const script = (file: string, ...args: string[]): Step['command'] => [
  process.execPath,
  join(repositoryRoot, 'scripts', file),
  ...args,
];

/** Quick ones first: what fails at once is told at once. */
const checks: readonly Step[] = [
  { name: 'gen:check', command: script('gen.ts', '--check') },
  { name: 'format', command: [tool('oxfmt'), '--check', '.'] },
  { name: 'tidy', command: script('check-tidy.ts') },
  { name: 'types', command: [tool('tsc'), '-b'] },
  { name: 'lint', command: [tool('oxlint'), '--type-aware'] },
  { name: 'layers', command: script('check-layers.ts') },
  { name: 'knip', command: [tool('knip')] },
  { name: 'proto', command: script('check-proto.ts') },
];
const tests: readonly Step[] = [{ name: 'test:unit', command: script('test.ts', 'unit') }];

/** Most checks keep one core busy; tests take them all. */
if (await runAll(checks, 2)) await runAll(tests, 1);

/** Runs steps in their order, `width` at a time; false, and a failed process, when one of them fails. */
async function runAll(steps: readonly Step[], width: number): Promise<boolean> {
  const waiting = [...steps];
  let good = true;
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined && good; step = waiting.shift()) {
      if (!(await runStep(step))) good = false;
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  if (!good) process.exitCode = 1;
  return good;
}

async function runStep(step: Step): Promise<boolean> {
  const started = process.hrtime.bigint();
  const { code, output } = await run(step);
  const seconds = (Number(process.hrtime.bigint() - started) / 1e9).toFixed(1);
  process.stdout.write(`verify: ${step.name.padEnd(10)} ${code === 0 ? 'ok' : 'FAILED'} ${seconds} s\n`);
  if (code !== 0) process.stderr.write(output);
  return code === 0;
}

/** Runs one step quietly; its output is shown only when it fails. */
function run(step: Step): Promise<{ code: number; output: string }> {
  const [command, ...args] = step.command;
  const child = spawn(command, args, {
    cwd: repositoryRoot,
    env: toolEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') }));
  });
}
