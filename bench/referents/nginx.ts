/** Referent of the front door: nginx as a proxy of server-sent events, one process, settings of PERFORMANCE §8. */
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, systemEnv } from '@reticle/core/process';
import { monotonicMicros, type ProcessSample } from '../rig/calls.ts';
import { waitedMicros } from '../rig/loop-counts.ts';
import { Core, tasksetPath } from '../rig/rig-process.ts';

const HOST = '127.0.0.1';
/** Debian puts it where not everybody's PATH leads. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin'];
const START_LOOKS = 100;
const LOOK_MS = 50;
/** Of `utime` and `stime` in /proc, which Linux fixes for programs. */
const TICK_MICROS = 10_000;

export const NGINX_INSTALL = 'apt-get install nginx';

export type Nginx = AsyncDisposable & {
  /** `host:port`. */
  readonly address: string;
  sample(): Promise<ProcessSample>;
};

/** RETICLE_NGINX, or the binary on the PATH; undefined where there is none. */
export function findNginx(): string | undefined {
  const { RETICLE_NGINX: named, PATH: path = '' } = environment();
  if (named) return named;
  return [...path.split(delimiter), ...FOLDERS].map((folder) => join(folder, 'nginx')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** On the system's core, in front of `behind` (`host:port`). */
export async function startNginx(path: string, behind: string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'reticle-nginx-'));
  const port = await systemEnv().net.freePort(HOST, 0);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, nginxConfig({ folder, listen: `${HOST}:${port}`, behind }));
  const command = [path, '-c', file, '-p', folder, '-e', join(folder, 'error.log')];
  const [program = '', ...rest] =
    tasksetPath === undefined ? command : [tasksetPath, '-c', String(Core.system), ...command];
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('error', () => {});
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.kill('SIGTERM')) await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listening(port, { child, path });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address: `${HOST}:${port}`,
    sample: () => Promise.resolve(sampleOf(child.pid ?? 0)),
    [Symbol.asyncDispose]: stop,
  };
}

/** One process does everything, so that its CPU is all of nginx's. */
export function nginxConfig({ folder, listen, behind }: Record<'folder' | 'listen' | 'behind', string>): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
master_process off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
  upstream engine { server ${behind}; keepalive 256; }
  server {
    listen ${listen};
    location / {
      proxy_pass http://engine;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`;
}

type Started = { readonly child: ChildProcess; readonly path: string };

async function listening(port: number, { child, path }: Started): Promise<void> {
  for (let look = 0; look < START_LOOKS && child.exitCode === null; look += 1) {
    if (await connects(port)) return;
    await sleep(LOOK_MS);
  }
  throw new Error(`${path} does not listen`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** User and system time of the process, and its resident pages. */
function sampleOf(pid: number): ProcessSample {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name in brackets may hold anything, so the fields are counted from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rssPages = Number(fields[21]);
  return {
    cpuMicros: ticks * TICK_MICROS,
    monotonicMicros: monotonicMicros(),
    rssBytes: rssPages * 4_096,
    loopTurns: NaN,
    writeCalls: NaN,
    waitedMicros: waitedMicros(pid),
  };
}
