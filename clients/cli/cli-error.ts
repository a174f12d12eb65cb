import { isReticleError, type ReticleError } from '@reticle/core/domain';
import { ConfigError } from '@reticle/core/process';
import { ManifestError } from './manifests/manifest-error.ts';

/** Exit statuses of the command (PROMISES §7.1, CLI row). */
export const exitCodes = { ok: 0, usage: 2, config: 3, auth: 4, remote: 5, conflict: 6, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure that the command explains: what is wrong, and what to do next. */
export class CliError extends Error {
  /** The word in `error[…]`. */
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { readonly exitCode: ExitCode; readonly hint?: string }) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.exitCode = options.exitCode;
    this.hint = options.hint;
  }
}

export function usageError(message: string, hint: string): CliError {
  return new CliError('usage', message, { exitCode: exitCodes.usage, hint });
}

const AUTH = new Set(['UNAUTHENTICATED', 'PERMISSION_DENIED']);
const CONFLICT = new Set(['idempotency_conflict', 'session_already_open', 'epoch_stale']);

/** Anything that a command threw, with an exit status. Undefined for a defect, which is not explained but thrown on. */
export function explained(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (error instanceof ManifestError || error instanceof ConfigError) {
    const hint = 'Correct the files named above, then run the command again.';
    return new CliError('config', error.message, { exitCode: exitCodes.config, hint });
  }
  return isReticleError(error) ? remoteError(error) : undefined;
}

function remoteError(error: ReticleError): CliError {
  const { code, message, details, param, retryAfterMs } = error;
  const facts = Object.entries(details).map(([name, value]) => `${name} ${value}`);
  if (param !== undefined) facts.unshift(`at ${param}`);
  const text = facts.length === 0 ? message : `${message} (${facts.join(', ')})`;
  return new CliError(code, text, { exitCode: exitCodeOf(error), hint: hintOf(error, retryAfterMs) });
}

function exitCodeOf({ code, row }: ReticleError): ExitCode {
  if (AUTH.has(row.grpc)) return exitCodes.auth;
  return CONFLICT.has(code) ? exitCodes.conflict : exitCodes.remote;
}

function hintOf({ code, row }: ReticleError, retryAfterMs: number | undefined): string {
  if (AUTH.has(row.grpc)) return 'Check RETICLE_API_KEY, or run `eval "$(reticle env)"` for the local platform.';
  if (code === 'region_lost') return 'Check RETICLE_GRPC, or start a local platform with `reticle up`.';
  if (code === 'model_not_found') return '`reticle models` lists the models that are served.';
  if (retryAfterMs !== undefined) return `Try again in ${(retryAfterMs / 1_000).toFixed(1)} s.`;
  return row.retry === 'never' ? 'The same request will be refused again: change it first.' : 'Try again.';
}

/** `error[code]: message`, and what to do next. */
export function errorText({ code, message, hint }: CliError): string {
  return `error[${code}]: ${message}\n${hint === undefined ? '' : `${hint}\n`}`;
}
