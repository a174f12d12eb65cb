import { ReticleError } from '@reticle/core/domain';

export type ConnectOptions = {
  /**
   * `host:port` of a gateway, or several, as a list or with commas between: a lost stream goes on at the next one.
   * `https://host:port` and `http://host:port` say the transport. Default: `RETICLE_GRPC`.
   */
  readonly target?: string | readonly string[];
  /** Default: `RETICLE_API_KEY`. */
  readonly apiKey?: string;
  /** Model of sessions that name none. Default: `RETICLE_MODEL`. */
  readonly model?: string;
};

/** One gateway address. */
export type Target = { readonly address: string; readonly secure: boolean };

export type Settings = {
  /** At least one, in the order given, each once. */
  readonly targets: readonly Target[];
  readonly apiKey: string;
  readonly model: string | undefined;
};

const TARGET = /^(?:(https?):\/\/)?((\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*):\d{1,5})\/?$/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
/** Each target is a connection of its own. */
const TARGETS_MAX = 64;
/** Printable ASCII without blanks: what a header can carry. */
const KEY = /^[\x21-\x7e]{1,4096}$/;

/**
 * Options before environment. Without a scheme a loopback address is plain and every other one is TLS: a key never
 * crosses a network in the clear by default. Throws `invalid_request` or `invalid_api_key`.
 */
export function settings(options: ConnectOptions, environment: Readonly<Record<string, string>>): Settings {
  const targets = parseTargets(options.target ?? environment['RETICLE_GRPC'] ?? '');
  const apiKey = options.apiKey ?? environment['RETICLE_API_KEY'] ?? '';
  if (!KEY.test(apiKey)) {
    const hint = apiKey === '' ? 'no API key: give one or set RETICLE_API_KEY' : 'the API key is malformed';
    throw new ReticleError('invalid_api_key', hint, { param: 'apiKey' });
  }
  return { targets, apiKey, model: options.model ?? (environment['RETICLE_MODEL'] || undefined) };
}

function parseTargets(given: string | readonly string[]): readonly Target[] {
  const texts = (typeof given === 'string' ? given.split(',') : given).map((text) => text.trim());
  const targets = new Map<string, Target>();
  for (const text of texts) {
    const target = parseTarget(text);
    targets.set(target.address, target);
  }
  if (targets.size === 0 || targets.size > TARGETS_MAX) {
    throw new ReticleError('invalid_request', `give 1 to ${TARGETS_MAX} targets`, { param: 'target' });
  }
  return [...targets.values()];
}

function parseTarget(target: string): Target {
  const [, scheme, address = '', host = ''] = TARGET.exec(target) ?? [];
  if (address === '') {
    const hint = target === '' ? 'no target: give one or set RETICLE_GRPC' : 'the target is not host:port';
    throw new ReticleError('invalid_request', hint, { param: 'target' });
  }
  return { address, secure: scheme === undefined ? !LOOPBACK.test(host) : scheme === 'https' };
}
