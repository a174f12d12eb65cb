import { ReticleError } from '@reticle/core/domain';

export type ConnectOptions = {
  /** `host:port` of a gateway; `https://host:port` and `http://host:port` say the transport. Default: `RETICLE_GRPC`. */
  readonly target?: string;
  /** Default: `RETICLE_API_KEY`. */
  readonly apiKey?: string;
  /** Model of sessions that name none. Default: `RETICLE_MODEL`. */
  readonly model?: string;
};

export type Settings = {
  readonly address: string;
  readonly secure: boolean;
  readonly apiKey: string;
  readonly model: string | undefined;
};

const TARGET = /^(?:(https?):\/\/)?((\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*):\d{1,5})\/?$/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
/** Printable ASCII without blanks: what a header can carry. */
const KEY = /^[\x21-\x7e]{1,4096}$/;

/**
 * Options before environment. Without a scheme a loopback address is plain and every other one is TLS: a key never
 * crosses a network in the clear by default. Throws `invalid_request` or `invalid_api_key`.
 */
export function settings(options: ConnectOptions, environment: Readonly<Record<string, string>>): Settings {
  const target = parseTarget(options.target ?? environment['RETICLE_GRPC'] ?? '');
  const apiKey = options.apiKey ?? environment['RETICLE_API_KEY'] ?? '';
  if (!KEY.test(apiKey)) {
    const hint = apiKey === '' ? 'no API key: give one or set RETICLE_API_KEY' : 'the API key is malformed';
    throw new ReticleError('invalid_api_key', hint, { param: 'apiKey' });
  }
  return { ...target, apiKey, model: options.model ?? (environment['RETICLE_MODEL'] || undefined) };
}

function parseTarget(target: string): Pick<Settings, 'address' | 'secure'> {
  const [, scheme, address = '', host = ''] = TARGET.exec(target) ?? [];
  if (address === '') {
    const hint = target === '' ? 'no target: give one or set RETICLE_GRPC' : 'the target is not host:port';
    throw new ReticleError('invalid_request', hint, { param: 'target' });
  }
  return { address, secure: scheme === undefined ? !LOOPBACK.test(host) : scheme === 'https' };
}
