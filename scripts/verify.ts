/** `npm run verify`: what a reviewer checks by hand, in under a minute. Stops at the first failing step. */
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

const steps: readonly Step[] = [
  { name: 'gen:check', command: script('gen.ts', '--check') },
  { name: 'format', command: [tool('oxfmt'), '--check', '.'] },
  { name: 'lint', command: [tool('oxlint'), '--type-aware'] },
  { name: 'proto', command: script('check-proto.ts') },
  { name: 'types', command: [tool('tsc'), '-b'] },
  { name: 'layers', command: script('check-layers.ts') },
  { name: 'knip', command: [tool('knip')] },
  { name: 'tidy', command: script('check-tidy.ts') },
  { name: 'test:unit', command: script('test.ts', 'unit') },
];

for (const step of steps) {
  const started = process.hrtime.bigint();
  const { code, output } = await run(step);
  const seconds = (Number(process.hrtime.bigint() - started) / 1e9).toFixed(1);
  process.stdout.write(`verify: ${step.name.padEnd(10)} ${code === 0 ? 'ok' : 'FAILED'} ${seconds} s\n`);
  if (code !== 0) {
    process.stderr.write(output);
    process.exitCode = 1;
    break;
  }
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
