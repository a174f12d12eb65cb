/** Sessions of one gateway over stub engines, on a virtual clock. */
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import type { Attach, ServerEvent } from '@reticle/services/session';
import {
  createResumeTokens,
  Sessions,
  silentEvents,
  UsageLedger,
  type Attachment,
  type Caller,
  type ClientSink,
  type EngineEntry,
} from '@reticle/services/stream';
import { engineEntry, StubEngine } from './stub-engine.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

const caller: Caller = { tenant: 'acme', keyId: 'k1', models: [], tiers: ['default'], defaultTier: 'default' };

export class Gateway {
  readonly clock = new VirtualClock();
  readonly events: ServerEvent[] = [];
  readonly #engines: readonly StubEngine[];
  readonly #entries: readonly EngineEntry[];
  readonly #sessions: Sessions;
  #token = '';

  /** The first engine is the one that a session begins at; `seed` makes gateways that share nothing but keys. */
  constructor(engines: ReadonlyMap<EngineEntry, StubEngine>, seed: number) {
    const { clock } = this;
    const random = seededRandom(seed);
    this.#engines = [...engines.values()];
    this.#entries = [...engines.keys()];
    const keys = [{ kid: 'k1', key: new Uint8Array(32).fill(1) }] as const;
    this.#sessions = new Sessions({
      clock,
      random,
      logger: silent,
      failpoint: () => {},
      ledger: new UsageLedger(),
      events: silentEvents,
      tokens: createResumeTokens({ region: 'eu-test', keys: [...keys], clock, random }),
      gateway: `gw-${seed}`,
      region: 'eu-test',
      kvScope: () => new Uint8Array(16),
      signalKeys: () => new Uint8Array(0),
      links: { linkTo: (entry) => this.#at(entry).linkTo() },
      engines: {
        choose: () => this.#entries[0] ?? engineEntry('a'),
        get: (engineId) => this.#entries.find((entry) => entry.engineId === engineId),
        successor: ({ except }) =>
          this.#entries.find(
            (entry) => !this.#at(entry).gone && ![...except].some((key) => key.startsWith(entry.engineId)),
          ),
        suspect: () => {},
      },
    });
  }

  #at(entry: EngineEntry): StubEngine {
    return this.#engines[this.#entries.indexOf(entry)] as StubEngine;
  }

  /** A new session; its resume token. */
  async create(): Promise<string> {
    const request = {
      requestId: 'r',
      model: 'spark-ref',
      allowedRegions: [],
      cacheKey: '',
      prefix: [],
      bodyDigest: 'c',
    };
    const { resumeToken } = await this.#sessions.createSession(caller, request);
    this.#token = resumeToken;
    return resumeToken;
  }

  attach(over: Partial<Attach> = {}): Promise<Attachment> {
    const framePolicy = { includeTokenIds: false, omitText: false };
    const event = (told: ServerEvent): void => void this.events.push(told);
    const sink: ClientSink = { ended: false, event, tokens: () => true, end() {} };
    const request = { cursors: [], defaultCreditTokens: 0, framePolicy, resumeToken: this.#token, ...over };
    return this.#sessions.attach(caller, request, sink);
  }

  /** What the client was told of one kind. */
  told<Kind extends ServerEvent['kind']>(kind: Kind): Extract<ServerEvent, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<ServerEvent, { kind: Kind }> => event.kind === kind);
  }

  /** Time passes in steps that let promises settle. */
  async elapse(ms: number): Promise<void> {
    for (let passed = 0; passed <= ms; passed += 50) {
      for (let round = 0; round < 20; round++) await Promise.resolve();
      if (passed < ms) this.clock.advance(50);
    }
  }
}
