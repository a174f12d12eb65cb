/** A platform as `npm start` starts it, and the lines that it prints for clients, run as printed. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { environment } from '@reticle/core/process';
import { RunningCommand } from '../kit/running-command.ts';
import { openaiForPython, runClient, type ClientRun } from './client-rig.ts';

const ROOT = join(import.meta.dirname, '../..');

const python = await openaiForPython();
/** First words of the lines whose clients are here. */
export const printedClients = ['curl', 'codex', 'node', ...('python' in python ? ['python3'] : [])];

export class PrintedLines implements AsyncDisposable {
  readonly platform: RunningCommand;
  readonly #folder: string;

  /** @param args of `npm start`, beside ports of the system's choice */
  constructor(args: readonly string[] = []) {
    this.platform = new RunningCommand(['npm', 'start', '--', '--port', '0', '--http-port', '0', ...args]);
    this.#folder = mkdtempSync(join(tmpdir(), 'reticle-start-'));
    symlinkSync(join(import.meta.dirname, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  async ready(): Promise<void> {
    await this.platform.shows(/Serving until stopped/);
  }

  /** Types the line for a client into a shell that has evaluated `reticle env`. */
  run(client: string): Promise<ClientRun> {
    const [, printed = ''] = /Your own clients.*\n((?: {2}.*\n)+)/.exec(this.platform.stdout) ?? [];
    const lines = printed.split('\n').map((each) => each.trim());
    const line = lines.find((each) => each.startsWith(`${client} `)) ?? `the line for ${client} is missing`;
    const path = [join(this.#folder, 'node_modules/.bin'), dirname(process.execPath)];
    if ('python' in python) path.push(dirname(python.python));
    const script = `eval "$(npm run -s reticle -- env 2>/dev/null)"\ncd ${this.#folder}\n${line}\n`;
    return runClient(['bash', '-euo', 'pipefail', '-c', `cd ${ROOT}\n${script}`], {
      XDG_STATE_HOME: this.platform.stateHome,
      PATH: [...path, environment()['PATH']].join(':'),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.platform[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
