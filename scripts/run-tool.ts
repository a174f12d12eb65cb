import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

export const repositoryRoot = dirname(import.meta.dirname);

/** PATH with the installed tools first, so that a tool that starts `node` gets this Node. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  // oxlint-disable-next-line node/no-process-env -- scripts hand their environment on to the tools they start
  const environment = process.env;
  const path = [dirname(process.execPath), join(repositoryRoot, 'node_modules', '.bin'), environment['PATH']];
  return { ...environment, PATH: path.filter(Boolean).join(':'), NO_UPDATE_NOTIFIER: '1' };
}

/** Runs a tool of node_modules/.bin with inherited output; resolves to its exit status. */
export function runTool(name: string, args: readonly string[], cwd = repositoryRoot): Promise<number> {
  return runProgram(join(repositoryRoot, 'node_modules', '.bin', name), args, cwd);
}

/** Runs a program with inherited output; resolves to its exit status. */
export function runProgram(file: string, args: readonly string[], cwd: string): Promise<number> {
  const child = spawn(file, args, { cwd, stdio: 'inherit', env: toolEnvironment() });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
