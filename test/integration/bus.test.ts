import { existsSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { connect, headers, type Authenticator, type NatsConnection } from '@nats-io/transport-node';
import { systemClock } from '@reticle/core/process';
import { subjects } from '@reticle/proto/contract';
import { BusError, startNatsServer, type NatsServer } from '@reticle/services/bus';
import { nkeySigner } from '../../services/bus/nkey.ts';
import { busConformance } from '../../services/bus/conformance/bus-conformance.ts';
import { bounded } from '../kit/bounded.ts';
import { requirePart } from '../kit/parts.ts';
import {
  bytes,
  CELL,
  configOf,
  endAll,
  eventually,
  gateway,
  host,
  operator,
  randomId,
  serve,
  text,
  watchedBus,
} from './bus-rig.ts';

const natsServer = await requirePart('nats-server');
const path = natsServer ?? '';
const suite = natsServer === undefined ? describe.skip : describe;

jest.setTimeout(30_000);

/** The module's own authenticator signs in JavaScript, which takes a second inside a test's realm. */
function authenticator(seed: string): Authenticator {
  const key = nkeySigner(seed);
  return (nonce = '') => ({ nkey: key.publicKey, sig: Buffer.from(key.sign(bytes(nonce))).toString('base64') });
}

suite('NATS', () => {
  describe('the port', () => {
    const [near, far] = [gateway(), gateway()];
    let server: NatsServer;

    beforeAll(async () => {
      const all = `permissions: { publish: ">", subscribe: ">" }`;
      const users = [near, far].map(({ publicKey }) => `{ nkey: ${publicKey}, ${all} }`).join(', ');
      const configText = `host: "127.0.0.1"\nport: -1\nauthorization { users: [${users}] }\n`;
      server = await startNatsServer({ path, configText, clock: systemClock });
    });
    afterAll(() => server.stop());

    busConformance('NATS', async () => {
      const buses = [(await watchedBus(server.url, near)).bus, (await watchedBus(server.url, far)).bus] as const;
      return {
        near: buses[0],
        far: buses[1],
        // There, back, and there again: a request, its answer, and what the answer made the requester say.
        settle: async () => {
          for (const bus of [...buses, ...buses]) await bus.flush();
        },
        pass: () => Promise.resolve(),
        failures: () => buses[1].counters.responderFailures,
        end: endAll,
      };
    });
  });

  describe('the generated configuration', () => {
    const [one, two, engine, other, boss] = [gateway(), gateway(), host(), host(), operator()];
    const session = randomId();
    const raws: NatsConnection[] = [];
    let server: NatsServer;

    beforeAll(async () => {
      server = await startNatsServer({
        path,
        configText: configOf([one, two, engine, other, boss]),
        clock: systemClock,
      });
    });
    afterAll(() => server.stop());
    afterEach(async () => {
      await Promise.all(raws.splice(0).map((connection) => connection.close()));
      await endAll();
    });

    /** A client of another make with a component's key, and what the server refused it. */
    const raw = async (seed: string): Promise<{ connection: NatsConnection; refused: () => Promise<string[]> }> => {
      const connection = await connect({ servers: server.url, authenticator: authenticator(seed) });
      raws.push(connection);
      const errors: string[] = [];
      void (async () => {
        for await (const status of connection.status()) if (status.type === 'error') errors.push(status.error.message);
      })();
      return {
        connection,
        refused: async () => {
          await connection.flush();
          await new Promise<void>((resolve) => systemClock.after(0, resolve));
          return errors;
        },
      };
    };

    test('every component can do its work', async () => {
      const [first, second, hosted, elsewhere, operated] = await Promise.all(
        [one, two, engine, other, boss].map((component) => watchedBus(server.url, component)),
      );
      if (!first || !second || !hosted || !elsewhere || !operated) throw new Error('five buses were asked for');
      const heard: string[] = [];
      for (const [name, { bus }] of Object.entries({ first, second, operated })) {
        bus.subscribe(subjects.presenceOfCell(CELL), (payload) => heard.push(`${name} heard ${text(payload)}`));
      }
      hosted.bus.respond(subjects.interruptsOfEngine(CELL, engine.engineId), (payload) =>
        bytes(`cut ${text(payload)}`),
      );
      hosted.bus.respond(subjects.drain(CELL, engine.engineId), () => bytes('draining'));
      hosted.bus.respond(subjects.locate(CELL), () => bytes('mine'));
      elsewhere.bus.respond(subjects.locate(CELL), () => undefined);
      const all = [first, second, hosted, elsewhere, operated];
      for (const { bus } of all) await bus.flush();
      hosted.bus.publish(subjects.presence(CELL, engine.engineId), bytes('here'));
      const interrupt = subjects.interrupt(CELL, engine.engineId, session);
      expect(text(await first.bus.request(interrupt, bytes('s1'), 5_000))).toBe('cut s1');
      expect(text(await second.bus.request(subjects.locate(CELL), bytes('s1'), 5_000))).toBe('mine');
      expect(text(await operated.bus.request(subjects.drain(CELL, engine.engineId), bytes(''), 5_000))).toBe(
        'draining',
      );
      await expect(first.bus.request(subjects.interrupt(CELL, randomId(), session), bytes(''), 5_000)).rejects.toEqual(
        new BusError('no-responders'),
      );
      await hosted.bus.flush();
      for (const { bus } of all) await bus.flush();
      expect(heard.toSorted()).toEqual(['first heard here', 'operated heard here', 'second heard here']);
      expect(all.map(({ bus }) => bus.counters.permissionViolations)).toEqual([0, 0, 0, 0, 0]);
    });

    const inboxOf = ({ publicKey }: { publicKey: string }): string => `_INBOX_${publicKey}`;
    const engineInt = subjects.interruptsOfEngine(CELL, other.engineId);
    test.each([
      { name: 'a gateway hears everything', who: one, subscribe: '>' },
      { name: 'a gateway hears all of the system', who: one, subscribe: 'reticle.>' },
      { name: 'a gateway hears all inboxes', who: one, subscribe: '_INBOX.>' },
      { name: 'a gateway hears another’s inbox', who: one, subscribe: `${inboxOf(two)}.>` },
      { name: 'a gateway hears signals', who: one, subscribe: engineInt },
      { name: 'a gateway hears another cell', who: one, subscribe: 'reticle.presence.other.*' },
      { name: 'a gateway hears the server’s own account', who: one, subscribe: '$SYS.>' },
      { name: 'a gateway poses as an engine', who: one, publish: subjects.presence(CELL, engine.engineId) },
      { name: 'a gateway drains', who: one, publish: subjects.drain(CELL, engine.engineId) },
      { name: 'a gateway signals another cell', who: one, publish: subjects.interrupt('x', engine.engineId, session) },
      { name: 'a gateway answers for a host', who: one, publish: `${inboxOf(two)}.x.y` },
      { name: 'a host hears another’s signals', who: engine, subscribe: engineInt },
      { name: 'a host hears all drains', who: engine, subscribe: `reticle.drain.${CELL}.*` },
      { name: 'a host hears presence', who: engine, subscribe: subjects.presenceOfCell(CELL) },
      { name: 'a host hears a gateway’s inbox', who: engine, subscribe: `${inboxOf(one)}.>` },
      { name: 'a host signals', who: engine, publish: subjects.interrupt(CELL, other.engineId, session) },
      { name: 'a host poses as another', who: engine, publish: subjects.presence(CELL, other.engineId) },
      { name: 'a host sets limits', who: engine, publish: `reticle.limits.${CELL}` },
      { name: 'an operator signals a session', who: boss, publish: subjects.interrupt(CELL, engine.engineId, session) },
      { name: 'an operator hears signals', who: boss, subscribe: engineInt },
    ])('is deny by default: $name', async ({ who, subscribe, publish }) => {
      const { connection, refused } = await raw(who.seed);
      if (subscribe !== undefined) connection.subscribe(subscribe, { callback: () => {} });
      else connection.publish(publish, bytes(''));
      const kind = subscribe === undefined ? 'Publish' : 'Subscription';
      expect(await refused()).toEqual([expect.stringContaining(`Permissions Violation for ${kind}`)]);
    });

    test.each([
      { name: 'an unknown key', seed: gateway().seed },
      { name: 'no key', seed: undefined },
    ])('a client with $name is let in nowhere', async ({ seed }) => {
      const key = seed === undefined ? {} : { authenticator: authenticator(seed) };
      await expect(connect({ servers: server.url, reconnect: false, ...key })).rejects.toThrow(/authorization/i);
    });

    test('a refused subscription is counted and told once, and the rest goes on', async () => {
      const { bus, logger } = await watchedBus(server.url, one);
      const heard: string[] = [];
      bus.subscribe(subjects.presenceOfCell(CELL), (payload) => heard.push(text(payload)));
      bus.subscribe('reticle.*.*.*', () => heard.push('too much'));
      bus.subscribe('reticle.*', () => heard.push('too much'));
      bus.publish(subjects.drain(CELL, engine.engineId), bytes(''));
      await bus.flush();
      await bounded(
        eventually(() => bus.counters.permissionViolations === 3),
        () => `3 violations, not ${bus.counters.permissionViolations}`,
      );
      const errors = logger.records.filter(({ level }) => level === 'error');
      expect(errors.map(({ fields }) => fields['kind'])).toEqual(['subscription', 'publish']);
      const presence = await watchedBus(server.url, engine);
      presence.bus.publish(subjects.presence(CELL, engine.engineId), bytes('here'));
      await presence.bus.flush();
      await bus.flush();
      expect(heard).toEqual(['here']);
    });

    test('forged headers change nothing, and nothing is answered to a foreign reply subject', async () => {
      const asked: string[] = [];
      const { bus } = await watchedBus(server.url, engine);
      bus.respond(subjects.interruptsOfEngine(CELL, engine.engineId), (payload) => {
        asked.push(text(payload));
        return bytes('cut');
      });
      const watcher = await watchedBus(server.url, two);
      const heard: string[] = [];
      for (const pattern of [subjects.presenceOfCell(CELL), `reticle.limits.${CELL}`]) {
        watcher.bus.subscribe(pattern, (_, subject) => heard.push(subject));
      }
      for (const each of [bus, watcher.bus]) await each.flush();
      const { connection, refused } = await raw(one.seed);
      const answers: string[] = [];
      const inbox = `${inboxOf(one)}.mine`;
      connection.subscribe(inbox, {
        callback: (_, message) => void answers.push(`${text(message.data)} ${!!message.headers}`),
      });
      const trace = subjects.presence(CELL, engine.engineId);
      const forged = headers();
      forged.set('Nats-Request-Info', '{"acc":"other"}');
      const traced = headers();
      traced.set('Nats-Trace-Dest', trace);
      const subject = subjects.interrupt(CELL, engine.engineId, session);
      connection.publish(subject, bytes('forged'), { reply: inbox, headers: forged });
      connection.publish(subject, bytes('traced'), { reply: inbox, headers: traced });
      for (const reply of [
        `reticle.limits.${CELL}`,
        subjects.presence(CELL, engine.engineId),
        '_INBOX.someone',
        `${inboxOf(one)}x.y`,
        `${inboxOf({ publicKey: 'A'.repeat(56) })}.y`,
      ]) {
        connection.publish(subject, bytes(`to ${reply}`), { reply });
      }
      // The server itself refuses to trace to where the sender may not publish.
      expect(await refused()).toEqual([`Permissions Violation for Publish to "${trace}"`]);
      for (const each of [bus, bus, watcher.bus]) await each.flush();
      await connection.flush();
      expect({ asked, answers, heard, foreign: bus.counters.foreignReplies }).toEqual({
        asked: ['forged'],
        answers: ['cut false'],
        heard: [],
        foreign: 5,
      });
    });
  });

  describe('the server’s process', () => {
    test('no key and no configuration stays where others may read it', async () => {
      const component = gateway();
      const server = await serve(path, [component]);
      try {
        const [, , config = ''] = readFileSync(`/proc/${server.pid}/cmdline`, 'utf8').split('\0');
        expect(config).toMatch(/server\.conf$/);
        expect(existsSync(config)).toBe(false);
        expect(readFileSync(`/proc/${server.pid}/environ`, 'utf8')).toBe('');
      } finally {
        await server.stop();
      }
      expect(await server.exited).toEqual({ code: expect.anything(), signal: null });
    });

    test('a configuration that the server refuses is told with the server’s words', async () => {
      const started = startNatsServer({ path, configText: 'port: "many"', clock: systemClock });
      await expect(started).rejects.toThrow(/nats-server ended: 1\n.*server\.conf/);
    });

    test('a program that is not there is told', async () => {
      const started = startNatsServer({ path: '/nowhere/nats-server', configText: '', clock: systemClock });
      await expect(started).rejects.toThrow('nats-server ended: it could not be started');
    });
  });
});
