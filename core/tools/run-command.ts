import { execFile } from 'node:child_process';

export type CommandResult = { readonly ok: boolean; readonly output: string };

type CommandOptions = {
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Milliseconds after which it is killed; none: as long as it takes. */
  readonly timeoutMs?: number;
};

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Runs a program to its end; a failed start is a failure like any other. `output` is both streams. */
export function runCommand(file: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const { environment, cwd, timeoutMs } = options;
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      { env: environment, cwd, timeout: timeoutMs ?? 0, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES_MAX },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`.trim();
        resolve(error === null ? { ok: true, output } : { ok: false, output: output === '' ? error.message : output });
      },
    );
  });
}
