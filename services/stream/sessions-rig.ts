/** The session layer over a scripted engine, for tests: one tenant's caller, commands with running numbers. */
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import type { Attach, ClientCommand, FramePolicy, Interrupt, StartTurn } from '@reticle/services/session';
import { entryKey, type EngineEntry } from './engine-directory.ts';
import { silentEvents } from './events.ts';
import type { ResumeClaims } from './resume-claims.ts';
import type { Attachment, Caller } from './front.ts';
import { createResumeTokens } from './resume-token.ts';
import type { EngineLinks } from './link/engine-link.ts';
import { ENGINE, OTHER, RecordingSink, ScriptedEngine } from './scripted-engine.ts';
import { Sessions, type SessionsOptions } from './sessions.ts';
import { UsageLedger } from './usage-ledger.ts';

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent };

export const caller: Caller = {
  tenant: 'acme',
  keyId: 'k1',
  models: [],
  tiers: ['ultrafast', 'default'],
  defaultTier: 'ultrafast',
};

export const policy: FramePolicy = { includeTokenIds: true, omitText: false };

export function start(turnId: string, over: Partial<StartTurn> = {}): StartTurn {
  return {
    turnId,
    parentTurnId: '',
    input: [{ kind: 'item', json: '{"type":"message","role":"user","content":"hello"}' }],
    params: { stop: [] },
    prefillOnly: false,
    bodyDigest: `start ${turnId}`,
    ...over,
  };
}

export function interrupt(turnId: string, over: Partial<Interrupt> = {}): Interrupt {
  const mode = 'keep-through-offset';
  return { turnId, mode, reason: 'user', signalId: 's1', bodyDigest: `cut ${turnId}`, ...over };
}

type Unnumbered<T> = T extends { readonly seq: number } ? Omit<T, 'seq'> : never;

export class SessionsRig {
  readonly clock = new VirtualClock();
  readonly engine = new ScriptedEngine(this.clock);
  readonly other = new ScriptedEngine(this.clock, OTHER);
  /** Engines that are heard of, the first is preferred. */
  present: EngineEntry[] = [ENGINE];
  readonly suspected: string[] = [];
  readonly ledger = new UsageLedger();
  readonly random = seededRandom(7);
  readonly sessions: Sessions;
  readonly tokens = createResumeTokens({
    region: 'eu-test',
    keys: [{ kid: 'k1', key: new Uint8Array(32).fill(1) }],
    clock: this.clock,
    random: this.random,
  });
  sink = new RecordingSink();
  attachment: Attachment | undefined;
  sessionId = '';
  token = '';
  seq = 0;

  constructor(over: Partial<SessionsOptions> = {}) {
    const { clock, random, ledger, engine, other } = this;
    const links: EngineLinks = {
      linkTo: ({ engineId }) => (engineId === ENGINE.engineId ? engine.linkTo() : other.linkTo()),
    };
    this.sessions = new Sessions({
      clock,
      random,
      ledger,
      logger: silent,
      failpoint: () => {},
      events: silentEvents,
      links,
      engines: {
        choose: () => ENGINE,
        get: (engineId) => this.present.find((entry) => entry.engineId === engineId),
        successor: ({ except }) => this.present.find((entry) => !except.has(entryKey(entry))),
        suspect: ({ engineId }) => void this.suspected.push(engineId),
      },
      tokens: this.tokens,
      gateway: 'gw-1',
      region: 'eu-test',
      kvScope: () => new Uint8Array(16),
      signalKeys: () => new Uint8Array(0),
      ...over,
    });
  }

  async create(requestId = 'r1'): Promise<void> {
    const created = await this.sessions.createSession(caller, {
      requestId,
      model: ENGINE.model,
      allowedRegions: [],
      cacheKey: '',
      prefix: [],
      bodyDigest: 'create',
    });
    this.sessionId = created.session.sessionId;
    this.token = created.resumeToken;
  }

  async attach(over: Partial<Attach> = {}): Promise<RecordingSink> {
    const sink = new RecordingSink();
    const request = { cursors: [], defaultCreditTokens: 0, framePolicy: policy, resumeToken: this.token, ...over };
    this.attachment = await this.sessions.attach(caller, request, sink);
    this.sink = sink;
    this.token = sink.last('attached')?.resumeToken ?? '';
    this.seq = sink.last('attached')?.lastAppliedSeq ?? 0;
    return sink;
  }

  /** The token of this session with other claims. */
  mint(over: Partial<ResumeClaims>): string {
    return this.tokens.mint({ ...this.tokens.open(this.token, caller.tenant), ...over });
  }

  send(command: Unnumbered<ClientCommand>): void {
    this.seq += 1;
    this.attachment?.command({ seq: this.seq, ...command } as ClientCommand);
  }

  /** A running turn with `tokens` tokens received and nothing acknowledged. */
  async running(turnId = 't1', tokens = 0): Promise<void> {
    await this.create();
    await this.attach();
    this.send({ kind: 'start-turn', start: start(turnId) });
    this.engine.started(turnId);
    if (tokens > 0) this.engine.tokens(turnId, 0, tokens);
  }

  /** Time passes, in steps that let promises settle. */
  async elapse(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      await this.settle();
      this.clock.advance(50);
    }
    await this.settle();
  }

  /** Lets promises settle and what is due at once happen. */
  async settle(): Promise<void> {
    for (let round = 0; round < 20; round++) await Promise.resolve();
    this.clock.advance(0);
  }
}
