import { describe, expect, test } from '@jest/globals';
import { natsServerConfig, type NatsComponent, type NatsServerConfigOptions } from './nats-server-config.ts';
import { isComponentInbox, isUserNkey } from './nats-subjects.ts';

const nkey = (letter: string): string => `U${letter.repeat(55)}`;
const engineId = 'e'.repeat(26);
const gateway: NatsComponent = { role: 'gateway', nkey: nkey('G') };
const host: NatsComponent = { role: 'host', nkey: nkey('H'), engineId };
const operator: NatsComponent = { role: 'operator', nkey: nkey('O') };
const config = (over: Partial<NatsServerConfigOptions> = {}): string =>
  natsServerConfig({ cell: 'eu-1', components: [gateway, host, operator], port: 4222, ...over });

/** The line of a user, taken apart. */
function permissions(text: string, { nkey: key }: NatsComponent): { publish: string[]; subscribe: string[] } {
  const line = text.split('\n').find((each) => each.includes(`nkey: ${key}`)) ?? '';
  const list = (kind: string): string[] =>
    (new RegExp(`${kind}: \\{ allow: \\[([^\\]]*)\\]`).exec(line)?.[1] ?? '')
      .split(', ')
      .map((each) => each.slice(1, -1));
  return { publish: list('publish'), subscribe: list('subscribe') };
}

describe('natsServerConfig', () => {
  test.each([
    {
      name: 'a gateway signals, looks up and shares tables, and hears presence and its own answers',
      component: gateway,
      want: {
        publish: [
          'reticle.int.eu-1.*.*',
          'reticle.locate.eu-1',
          'reticle.usage.eu-1',
          'reticle.usage.global',
          'reticle.limits.eu-1',
          'reticle.cell.eu-1',
          'reticle.snapshot.eu-1.get',
        ],
        subscribe: [
          'reticle.presence.eu-1.*',
          'reticle.usage.eu-1',
          'reticle.usage.global',
          'reticle.limits.eu-1',
          'reticle.cell.*',
          'reticle.snapshot.eu-1',
          'reticle.snapshot.eu-1.head',
          `_INBOX_${nkey('G')}.>`,
        ],
      },
    },
    {
      name: 'a host announces itself, hears its own signals, and answers those who may ask',
      component: host,
      want: {
        publish: [`reticle.presence.eu-1.${engineId}`, `_INBOX_${nkey('G')}.>`, `_INBOX_${nkey('O')}.>`],
        subscribe: [`reticle.int.eu-1.${engineId}.*`, `reticle.drain.eu-1.${engineId}`, 'reticle.locate.eu-1'],
      },
    },
    {
      name: 'an operator drains, publishes snapshots, answers gateways, and hears presence and its own answers',
      component: operator,
      want: {
        publish: [
          'reticle.drain.eu-1.*',
          'reticle.snapshot.eu-1',
          'reticle.snapshot.eu-1.head',
          `_INBOX_${nkey('G')}.>`,
        ],
        subscribe: ['reticle.presence.eu-1.*', 'reticle.snapshot.eu-1.get', `_INBOX_${nkey('O')}.>`],
      },
    },
  ])('$name', ({ component, want }) => {
    expect(permissions(config(), component)).toEqual(want);
  });

  test('has none of what was bypassed elsewhere: deny rules, a default user, other listeners, JetStream', () => {
    const words =
      /deny|no_auth_user|websocket|mqtt|leaf|cluster|jetstream|store_dir|allow_responses|password|token|seed/i;
    expect(config({ monitorPort: 8222 })).not.toMatch(words);
  });

  test('listens on loopback unless told otherwise; monitoring on loopback always', () => {
    const text = config({ host: '10.0.0.7', monitorPort: 8222 });
    expect(text).toContain('host: "10.0.0.7"\nport: 4222\nhttp: "127.0.0.1:8222"\n');
    expect(config({ port: 0 })).toContain('host: "127.0.0.1"\nport: -1\nserver_name');
  });

  test.each([
    { name: 'no component, since such a server lets everyone in', over: { components: [] } },
    { name: 'a cell with a wildcard', over: { cell: '*' } },
    { name: 'a cell with a quote', over: { cell: 'a", x: "' } },
    { name: 'an engine id with a wildcard', over: { components: [{ ...host, engineId: '>' }] } },
    { name: 'a key that is a seed', over: { components: [{ ...gateway, nkey: `SU${'A'.repeat(56)}` }] } },
    { name: 'a key with more behind it', over: { components: [{ ...gateway, nkey: `${nkey('G')}, x` }] } },
    { name: 'a host with a line break', over: { host: '127.0.0.1"\nport: 1' } },
    { name: 'a port out of range', over: { port: 65_536 } },
    { name: 'a monitoring port that is no port', over: { monitorPort: 0 } },
  ] as { name: string; over: Partial<NatsServerConfigOptions> }[])('refuses $name', ({ over }) => {
    expect(() => config(over)).toThrow(RangeError);
  });
});

describe('inboxes of components', () => {
  test.each([
    { name: 'of the bus', subject: `_INBOX_${nkey('G')}.abc.1`, want: true },
    { name: 'of the client module', subject: `_INBOX_${nkey('G')}.ABC123.XYZ`, want: true },
    { name: 'the shared one', subject: '_INBOX.abc.1', want: false },
    { name: 'another prefix', subject: `_INBOX_${nkey('G')}x.abc`, want: false },
    { name: 'an account’s key', subject: `_INBOX_A${'G'.repeat(55)}.abc`, want: false },
    { name: 'no token', subject: `_INBOX_${nkey('G')}`, want: false },
    { name: 'a wildcard', subject: `_INBOX_${nkey('G')}.>`, want: false },
    { name: 'a line break', subject: `_INBOX_${nkey('G')}.a\r\nPUB`, want: false },
    { name: 'a subject of the system', subject: 'reticle.limits.eu-1', want: false },
    { name: '4 KiB', subject: `_INBOX_${nkey('G')}.${'a'.repeat(4096)}`, want: false },
  ])('$name: $want', ({ subject, want }) => {
    expect(isComponentInbox(subject)).toBe(want);
  });

  test('a user key is U and 55 characters of base32', () => {
    expect([nkey('G'), nkey('1'), nkey('g'), `${nkey('G')}G`].map(isUserNkey)).toEqual([true, false, false, false]);
  });
});
