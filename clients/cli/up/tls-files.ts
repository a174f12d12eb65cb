import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { TlsPair } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { ConfigError, judgeTlsPair, type Disk, type TlsFacts } from '@reticle/core/process';
import type { ParsedArguments } from '../arguments.ts';
import { usageError } from '../cli-error.ts';
import type { GatewayFile } from './local-access.ts';

/** Where the two files are, and which words of a person name them. */
export type TlsFiles = Readonly<Record<keyof TlsPair, NamedFile>>;
type NamedFile = { readonly path: string; readonly from: string };

/** A pair that can be served. */
export type LoadedTls = {
  readonly pair: TlsPair;
  readonly facts: TlsFacts;
  /** What serving it means all the same, a line each. */
  readonly warnings: readonly string[];
};

export type TlsSource = {
  readonly disk: Pick<Disk, 'readText'>;
  /** Permission bits of a file. */
  readonly modeOf: (path: string) => Promise<number>;
  readonly clock: Pick<Clock, 'wallMs'>;
};

const FILE_BYTES_MAX = 256 * 1_024;
/** Names under which a local platform is reached, the first that fits before the others. */
const HOSTS = ['127.0.0.1', 'localhost'] as const;
const READABLE_BY_OTHERS = 0o044;

/** The files that flags name (they win), or the gateway's configuration; undefined: plain HTTP. Throws a usage error. */
export function tlsFiles(given: ParsedArguments, gatewayFile?: GatewayFile): TlsFiles | undefined {
  const certificate = given.text('tls-cert');
  const key = given.text('tls-key');
  if (certificate !== undefined && key !== undefined) {
    return {
      certificate: { path: resolve(certificate), from: '--tls-cert' },
      key: { path: resolve(key), from: '--tls-key' },
    };
  }
  if (certificate !== undefined || key !== undefined) {
    throw usageError('--tls-cert and --tls-key go together', 'Name the certificate and its key.');
  }
  const { path: file = '', config: { tls } = {} } = gatewayFile ?? {};
  if (tls === undefined) return undefined;
  return {
    certificate: { path: resolve(dirname(file), tls.certFile), from: `${file} tls.certFile` },
    key: { path: resolve(dirname(file), tls.keyFile), from: `${file} tls.keyFile` },
  };
}

/** Reads and judges a pair. Rejects with a `ConfigError` for one that cannot be served; never quotes a file. */
export async function loadTls(files: TlsFiles, source: TlsSource): Promise<LoadedTls> {
  const pair = { certificate: await read(files.certificate, source), key: await read(files.key, source) };
  const { ok: facts, fault } = judgeTlsPair(pair);
  if (fault !== undefined) throw refused(files[fault.part], fault.reason);
  const mode = await source.modeOf(files.key.path);
  return { pair, facts, warnings: warningsOf(files, { facts, mode, clock: source.clock }) };
}

async function read(file: NamedFile, { disk }: TlsSource): Promise<string> {
  try {
    return await disk.readText(file.path, FILE_BYTES_MAX);
  } catch (error) {
    const why =
      error instanceof TypeError
        ? 'is no text'
        : `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw refused(file, `${why} (check the file)`);
  }
}

function refused({ path, from }: NamedFile, reason: string): ConfigError {
  return new ConfigError([`${from}: ${path} ${reason}`]);
}

type Judged = { readonly facts: TlsFacts; readonly mode: number; readonly clock: Pick<Clock, 'wallMs'> };

function warningsOf({ certificate, key }: TlsFiles, { facts, mode, clock }: Judged): readonly string[] {
  const { path } = certificate;
  const over = `warning: ${path} ended on ${facts.notAfter}: clients refuse it (renew it: it is read again)`;
  const early = `warning: ${path} counts from ${facts.notBefore}: clients refuse it until then`;
  const foreign = `warning: ${path} is for neither ${HOSTS.join(' nor ')}: clients on this machine refuse it`;
  const authority = `warning: ${path} is an authority's: Codex refuses it (make it with basicConstraints=critical,CA:FALSE)`;
  const open = `warning: ${key.path} can be read by others (chmod 600 ${key.path})`;
  return [
    ...(isOver(facts, clock) ? [over] : []),
    ...(facts.notBeforeMs > clock.wallMs() ? [early] : []),
    ...(HOSTS.some((host) => facts.isFor(host)) ? [] : [foreign]),
    ...(facts.isAuthority ? [authority] : []),
    ...((mode & READABLE_BY_OTHERS) === 0 ? [] : [open]),
  ];
}

/** Whether clients refuse a certificate because its time has passed. */
export function isOver({ notAfterMs }: TlsFacts, clock: Pick<Clock, 'wallMs'>): boolean {
  return notAfterMs <= clock.wallMs();
}

/** The name that clients on this machine should use: the certificate's. */
export function hostOf({ isFor }: TlsFacts): string {
  return HOSTS.find((host) => isFor(host)) ?? HOSTS[0];
}

/** Permission bits of a file of this machine. */
export async function fileMode(path: string): Promise<number> {
  const { mode } = await stat(path);
  return mode & 0o777;
}
