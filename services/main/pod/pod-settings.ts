import { parseArgs } from 'node:util';

/** What a pod of a chain is told by its command line. Secrets come as files. */
export type PodSettings = {
  /** The chain document. */
  readonly plan: string;
  readonly stage: number;
  /** Folder of the host that keeps the epochs of its wafers. */
  readonly waferState: string;
  /** The pod's own address. */
  readonly bind: string;
  readonly port: number;
  /** `nats://host:port`, for the head. */
  readonly nats: string;
  /** Folder with `nats.seed` and `engine.key`. */
  readonly keys: string;
  /** Lines of `address name`, for a machine without the cluster's name service. */
  readonly hosts: string | undefined;
};

/** Port of every pod of a chain: LinkService of the head, ring ping of the others. */
export const POD_PORT = 7_400;

const options = {
  plan: { type: 'string' },
  stage: { type: 'string' },
  'wafer-state': { type: 'string' },
  bind: { type: 'string' },
  port: { type: 'string', default: String(POD_PORT) },
  nats: { type: 'string', default: '' },
  keys: { type: 'string', default: '/etc/reticle/keys' },
  hosts: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

export const POD_HELP = `Runs one stage of a chain; stage 0 leads it and serves the gateways.

  --plan FILE         chain document (made by the operator)
  --stage N           which stage of it
  --wafer-state DIR   where the host keeps the epochs of its wafers
  --bind ADDRESS      address to listen on
  --port N            port to listen on (${POD_PORT})
  --nats URL          the cell's NATS server; stage 0 needs it
  --keys DIR          holds nats.seed and engine.key (/etc/reticle/keys)
  --hosts FILE        lines of "address name", where no name service knows the stages

Example:
  node services/main/pod/pod-engine.ts --plan chain.json --stage 0 --wafer-state /var/lib/reticle --bind 10.0.0.7 --nats nats://nats:4222
`;

/** Help was asked for. */
export type Asked = 'help' | PodSettings;

/** @throws Error for people: an unknown flag, a missing one, a number that is none */
export function podSettings(argv: readonly string[]): Asked {
  const { values } = parseArgs({ args: [...argv], options, strict: true });
  if (values.help) return 'help';
  return {
    plan: given(values.plan, 'plan'),
    stage: whole(given(values.stage, 'stage'), 'stage', 255),
    waferState: given(values['wafer-state'], 'wafer-state'),
    bind: given(values.bind, 'bind'),
    port: whole(values.port, 'port', 65_535),
    nats: values.nats,
    keys: values.keys,
    hosts: values.hosts,
  };
}

function given(value: string | undefined, flag: string): string {
  if (value === undefined || value === '') throw new Error(`--${flag} is missing (run with --help)`);
  return value;
}

function whole(text: string, flag: string, max: number): number {
  const value = /^[0-9]{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(value <= max)) throw new Error(`--${flag} is ${JSON.stringify(text)}; give a whole number from 0 to ${max}`);
  return value;
}
