import { subjects } from '@reticle/proto/contract';
import { inboxPrefix, isUserNkey } from './nats-subjects.ts';
import { BUS_BYTES_MAX } from './subject-rules.ts';

/** A user of the server. What it may do follows from what it is. */
export type NatsComponent =
  | { readonly role: 'gateway'; readonly nkey: string }
  | { readonly role: 'host'; readonly nkey: string; readonly engineId: string }
  /** All engines of a cluster, whose pods share one Secret: any of them may speak for any other (PROMISES §5.1). */
  | { readonly role: 'hosts'; readonly nkey: string }
  | { readonly role: 'operator'; readonly nkey: string };

export type NatsServerConfigOptions = {
  readonly cell: string;
  readonly components: readonly NatsComponent[];
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0: the system chooses; the server's log says which. */
  readonly port: number;
  /** HTTP monitoring, always on loopback; none without it. */
  readonly monitorPort?: number;
};

type Permissions = { readonly publish: readonly string[]; readonly subscribe: readonly string[] };

/** Connections of one component: its own and what is left of lost ones until the server notices. */
const CONNECTIONS_PER_COMPONENT = 4;
/** A gateway has about five, a host three. */
const SUBSCRIPTIONS_PER_CONNECTION = 32;
/** Unread bytes after which a consumer is cut off; hints are worth less than the server's memory. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;

/**
 * The configuration of a cell's NATS server (PROMISES §5.2): one account, one NKey user per component,
 * allow-lists only. There is no default user, no listener but the clients' own, no JetStream. It holds public
 * keys alone, so it is no secret.
 *
 * Throws `RangeError` for a key, cell or engine id outside its alphabet: nothing of it can leave its quotes.
 */
export function natsServerConfig(options: NatsServerConfigOptions): string {
  const { components, port, monitorPort } = options;
  const host = options.host ?? '127.0.0.1';
  if (!/^[A-Za-z0-9.:-]{1,253}$/.test(host)) throw new RangeError('the listening host is outside its alphabet');
  subjects.locate(options.cell);
  // A server without users lets everyone in.
  if (components.length === 0) throw new RangeError('a server has at least one component');
  for (const { nkey } of components) if (!isUserNkey(nkey)) throw new RangeError('a component has no user nkey');
  return [
    `host: ${quoted(host)}`,
    `port: ${port === 0 ? -1 : portOf(port)}`,
    ...(monitorPort === undefined ? [] : [`http: ${quoted(`127.0.0.1:${portOf(monitorPort)}`)}`]),
    `server_name: ${quoted(`reticle-${options.cell}`)}`,
    `max_payload: ${BUS_BYTES_MAX}`,
    `max_pending: ${PENDING_BYTES_MAX}`,
    'max_control_line: 2048',
    `max_connections: ${CONNECTIONS_PER_COMPONENT * components.length}`,
    `max_subscriptions: ${SUBSCRIPTIONS_PER_CONNECTION}`,
    'ping_interval: "5s"',
    'ping_max: 2',
    'write_deadline: "2s"',
    'authorization { timeout: 2 }',
    'accounts {',
    '  RETICLE {',
    '    users: [',
    ...components.map((component) => `      ${user(component, permissionsOf(component, options))}`),
    '    ]',
    '  }',
    '}',
    '',
  ].join('\n');
}

function permissionsOf(component: NatsComponent, options: NatsServerConfigOptions): Permissions {
  switch (component.role) {
    case 'gateway':
      return gateway(component.nkey, options.cell);
    case 'host':
      return host(component.engineId, options);
    case 'hosts':
      return hosts(options);
    case 'operator':
      return {
        publish: [
          `reticle.drain.${options.cell}.*`,
          subjects.snapshot(options.cell),
          subjects.snapshotHead(options.cell),
          ...inboxes(options.components.filter(({ role }) => role === 'gateway')),
        ],
        subscribe: [
          subjects.presenceOfCell(options.cell),
          subjects.snapshotGet(options.cell),
          `${inboxPrefix(component.nkey)}.>`,
        ],
      };
  }
}

/** Signals, look-ups and the gateways' own tables of its cell (PROTOCOL §3, S7). */
function gateway(nkey: string, cell: string): Permissions {
  const tables = [`reticle.usage.${cell}`, 'reticle.usage.global', `reticle.limits.${cell}`];
  return {
    publish: [
      `reticle.int.${cell}.*.*`,
      subjects.locate(cell),
      ...tables,
      `reticle.cell.${cell}`,
      subjects.snapshotGet(cell),
    ],
    subscribe: [
      subjects.presenceOfCell(cell),
      ...tables,
      'reticle.cell.*',
      subjects.snapshot(cell),
      subjects.snapshotHead(cell),
      `${inboxPrefix(nkey)}.>`,
    ],
  };
}

/** Its own signals, and answers into the inboxes of those that may ask; it asks nothing itself. */
function host(engineId: string, { cell, components }: NatsServerConfigOptions): Permissions {
  return {
    publish: [subjects.presence(cell, engineId), ...inboxes(components)],
    subscribe: [subjects.interruptsOfEngine(cell, engineId), subjects.drain(cell, engineId), subjects.locate(cell)],
  };
}

function hosts({ cell, components }: NatsServerConfigOptions): Permissions {
  return {
    publish: [subjects.presenceOfCell(cell), ...inboxes(components)],
    subscribe: [`reticle.int.${cell}.*.*`, `reticle.drain.${cell}.*`, subjects.locate(cell)],
  };
}

/** Of those that may ask. */
function inboxes(components: readonly NatsComponent[]): string[] {
  const askers = components.filter(({ role }) => role !== 'host' && role !== 'hosts');
  return askers.map(({ nkey }) => `${inboxPrefix(nkey)}.>`);
}

function user({ nkey }: NatsComponent, { publish, subscribe }: Permissions): string {
  const allow = (list: readonly string[]): string => `{ allow: [${list.map(quoted).join(', ')}] }`;
  const permissions = `{ publish: ${allow(publish)}, subscribe: ${allow(subscribe)} }`;
  return `{ nkey: ${nkey}, allowed_connection_types: ["STANDARD"], permissions: ${permissions} }`;
}

/** Every text comes from a checked alphabet without quotes, backslashes or dollar signs. */
function quoted(text: string): string {
  return `"${text}"`;
}

function portOf(port: number): number {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new RangeError('a port is 1 to 65535');
  return port;
}
