/**
 * The bus as NATS is without JetStream (PROMISES §1 rule 2): at most once, a publish may vanish, come late, twice or
 * out of order, and nobody is told; a request knows at once when nobody listens, where the server is reachable.
 */
import { BusError, subjectMatches, type Bus, type BusHandler, type BusResponder } from '@reticle/services/bus';
import type { Network } from './network.ts';
import type { Dice } from './seeds.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** The server's machine. */
export const BUS_NODE = 'bus';

/** Shares of messages that meet a fate; all 0 when the bus is well. */
export type BusFaults = { loss: number; duplication: number; lateness: number };

type Subscription = {
  readonly process: SimProcess;
  readonly pattern: string;
  readonly handler: (payload: Uint8Array, subject: string, reply: (answer: Uint8Array) => void) => void;
  readonly responds: boolean;
};

type Sent = { readonly from: SimProcess; readonly subject: string; readonly payload: Uint8Array };

const LATE_MS_MAX = 12_000;

export class SimBus {
  readonly faults: BusFaults = { loss: 0, duplication: 0, lateness: 0 };
  readonly #world: World;
  readonly #network: Network;
  readonly #dice: Dice;
  readonly #subscriptions = new Set<Subscription>();
  /** What a frozen server has accepted and does not pass on. */
  #frozen: (() => void)[] | undefined;
  #down = 0;

  constructor(world: World, network: Network) {
    this.#world = world;
    this.#network = network;
    this.#dice = world.dice('bus');
  }

  /** The bus as one process has it. */
  of(process: SimProcess): Bus {
    return {
      publish: (subject, payload) => this.#send({ from: process, subject, payload: payload.slice() }, undefined),
      subscribe: (pattern, handler) => this.#subscribe(process, pattern, handler),
      respond: (pattern, responder) => this.#respond(process, pattern, responder),
      request: (subject, payload, timeoutMs) =>
        new Promise((resolve, reject) => {
          const cancel = process.clock.after(timeoutMs, () => reject(new BusError('timeout')));
          this.#send({ from: process, subject, payload: payload.slice() }, (answer) => {
            cancel();
            if (answer === undefined) reject(new BusError('no-responders'));
            else resolve(answer);
          });
        }),
    };
  }

  /** SIGSTOP of the server: it accepts and passes nothing on until it goes on. */
  freeze(forMs: number): void {
    this.#frozen ??= [];
    this.#world.after(forMs, 'bus thaws', () => {
      const held = this.#frozen ?? [];
      this.#frozen = undefined;
      for (const pass of held) this.#world.after(this.#dice.between(0, 5), 'bus late', pass);
    });
  }

  /** SIGKILL of the server and a restart with an empty store: what was on its way is gone. */
  kill(forMs: number): void {
    this.#down += 1;
    this.#frozen = undefined;
    this.#world.after(forMs, 'bus back', () => (this.#down -= 1));
  }

  #subscribe(process: SimProcess, pattern: string, handler: BusHandler): () => void {
    return this.#add({ process, pattern, responds: false, handler: (payload, subject) => handler(payload, subject) });
  }

  #respond(process: SimProcess, pattern: string, responder: BusResponder): () => void {
    return this.#add({
      process,
      pattern,
      responds: true,
      handler: (payload, subject, reply) => {
        const answered = (answer: Uint8Array | undefined): void => {
          if (answer !== undefined) reply(answer);
        };
        const answer = responder(payload, subject);
        if (answer instanceof Promise) void answer.then(answered);
        else answered(answer);
      },
    });
  }

  #add(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    subscription.process.onKill(() => this.#subscriptions.delete(subscription));
    return () => this.#subscriptions.delete(subscription);
  }

  /** `answered` is told undefined when nobody listens. */
  #send(sent: Sent, answered: ((answer: Uint8Array | undefined) => void) | undefined): void {
    this.#cross(sent.from.node, BUS_NODE, () => this.#atServer(sent, answered));
  }

  #atServer(sent: Sent, answered: ((answer: Uint8Array | undefined) => void) | undefined): void {
    const { from, subject, payload } = sent;
    const wanted = [...this.#subscriptions].filter(
      ({ pattern, responds }) => responds === (answered !== undefined) && subjectMatches(pattern, subject),
    );
    if (answered !== undefined && wanted.length === 0) {
      this.#cross(BUS_NODE, from.node, () => from.enter(() => answered(undefined)));
      return;
    }
    for (const { process, handler } of wanted) {
      const reply = (answer: Uint8Array): void => {
        const copy = answer.slice();
        this.#cross(process.node, BUS_NODE, () =>
          this.#cross(BUS_NODE, from.node, () => from.enter(() => answered?.(copy))),
        );
      };
      this.#cross(BUS_NODE, process.node, () =>
        process.enter(() => {
          this.#world.hash.bytes(payload);
          handler(payload.slice(), subject, reply);
        }),
      );
    }
  }

  /** One hop. Each fate is drawn by itself. */
  #cross(from: string, to: string, arrive: () => void): void {
    const copies = this.#dice.chance(this.faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delayMs = this.#network.datagramMs(from, to);
      if (delayMs === undefined || this.#down > 0 || this.#dice.chance(this.faults.loss)) continue;
      const lateMs = this.#dice.chance(this.faults.lateness) ? this.#dice.scaled(5, LATE_MS_MAX) : 0;
      this.#world.after(delayMs + lateMs, `${from}>${to} bus`, () => {
        if (this.#down > 0) return;
        if (this.#frozen === undefined) arrive();
        else this.#frozen.push(arrive);
      });
    }
  }
}
