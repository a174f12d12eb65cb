/**
 * What is checked where a host speaks: epochs of a session only grow at one host, an older attachment is sent nothing
 * once a later one was opened, rows are dense per lane, nothing at or past E follows a `CutDone`, and nothing follows
 * `Ended` on its lane.
 */
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Opened__Input } from '@reticle/proto/gen/engine/v1/Opened';
import { StepFrameReader } from '@reticle/proto/wire';
import type { World } from './world.ts';

/** CONTROL_OUTCOME_APPLIED and ALREADY_ENDED: the answers that name an E. */
const NAMES_END = [1, 2, 'CONTROL_OUTCOME_APPLIED', 'CONTROL_OUTCOME_ALREADY_ENDED'];

/** RELEASE_MODE_DROP. */
const DROP = 3;
/** No session of a run is idle for less before it is dropped. */
const IDLE_MS_MIN = 8_000;

type Lane = { sid: number; next: number | undefined; cutAt: number; ended: boolean };

/** The session as a host incarnation has it. */
type Held = { readonly epoch: number; readonly owner: string; readonly openedMs: number };

export class LinkWatch {
  readonly #world: World;
  /** By host incarnation and session. */
  readonly #held = new Map<string, Held>();
  #links = 0;
  /** The host incarnation that a session was opened at last. */
  readonly #hosts = new Map<string, string>();
  /** The host incarnation that answered a signal last. */
  readonly #signalled = new Map<string, string>();
  /** True when a gateway took a session over that it had not opened. */
  tookOver = false;

  constructor(world: World) {
    this.#world = world;
  }

  link(host: string): WatchedLink {
    const takenOver = (): void => void (this.tookOver = true);
    const opened = (sessionId: string): void => void this.#hosts.set(sessionId, host);
    return new WatchedLink(this.#world, this.#held, { host, id: `${host}/${this.#links++}`, takenOver, opened });
  }

  hostOf(sessionId: string): string {
    return this.#hosts.get(sessionId) ?? '';
  }

  signalled(signalId: string, host: string): void {
    this.#signalled.set(signalId, host);
  }

  signalledBy(signalId: string): string | undefined {
    return this.#signalled.get(signalId);
  }
}

type LinkNames = {
  readonly host: string;
  readonly id: string;
  readonly takenOver: () => void;
  readonly opened: (sessionId: string) => void;
};

class WatchedLink {
  readonly #world: World;
  readonly #held: Map<string, Held>;
  readonly #host: string;
  readonly #id: string;
  readonly #sessions = new Map<number, string>();
  readonly #lanes = new Map<number, Lane>();
  readonly #frame = new StepFrameReader();

  readonly #takenOver: () => void;
  readonly #openedHere: (sessionId: string) => void;

  constructor(world: World, held: Map<string, Held>, facts: LinkNames) {
    this.#world = world;
    this.#held = held;
    this.#host = facts.host;
    this.#id = facts.id;
    this.#takenOver = facts.takenOver;
    this.#openedHere = facts.opened;
  }

  request(request: LinkRequest): void {
    const { open, start, cut, release } = request;
    this.#world.tell('link', () => `${this.#id} < ${describe(request)}`);
    if (release && release.mode === DROP) this.#held.delete(this.#keyOf(release.sid));
    if (open) {
      if (open.wantTranscript) this.#takenOver();
      this.#sessions.set(open.sid, open.sessionId);
      for (const { lane } of open.adopt) this.#lane(lane, open.sid);
    } else if (start) this.#lane(start.lane, start.sid);
    else if (cut?.successor) this.#lane(cut.successor.lane, cut.successor.sid);
  }

  control(message: LinkResponse__Input): void {
    if (!message.load && !message.pong) this.#world.tell('link', () => `${this.#id} > ${describe(message)}`);
    const { opened, cutDone, ended, started } = message;
    if (opened) this.#opened(opened);
    else if (cutDone) this.#cut(cutDone);
    else if (started) this.#started(started.lane ?? 0, started.sid ?? 0);
    else if (ended) this.#end(ended.lane ?? 0);
  }

  #cut({ lane: number = 0, outcome, effectiveOffset = 0 }: CutDone__Input): void {
    const lane = this.#lanes.get(number);
    if (lane !== undefined && NAMES_END.includes(outcome ?? 0)) lane.cutAt = Math.min(lane.cutAt, effectiveOffset);
  }

  #end(number: number): void {
    const lane = this.#lanes.get(number);
    if (lane !== undefined) lane.ended = true;
  }

  /** A lane of the host's, or a successor's that outlived the sid it was asked under. */
  #started(number: number, sid: number): void {
    const lane = this.#lanes.get(number);
    if (lane === undefined) this.#lane(number, sid);
    else lane.sid = sid;
  }

  #opened({ sid = 0, epoch: told, turns = [] }: Opened__Input): void {
    const epoch = Number(told);
    this.#openedHere(this.#sessions.get(sid) ?? '');
    const key = this.#keyOf(sid);
    const held = this.#held.get(key);
    const { nowMs } = this.#world;
    // A host that has dropped an idle session has forgotten its epochs (E8).
    if (held !== undefined && epoch <= held.epoch && nowMs - held.openedMs < IDLE_MS_MIN) {
      this.#world.violated('epoch', `${key} was opened at epoch ${epoch} after ${held.epoch}`);
    }
    this.#held.set(key, { epoch, owner: `${this.#id}#${sid}`, openedMs: nowMs });
    for (const { lane = 0, replayFrom } of turns) this.#lane(lane, sid).next = replayFrom;
  }

  step(bytes: Uint8Array): void {
    const frame = this.#frame;
    if (!frame.read(bytes)) {
      this.#world.violated('link', `${this.#host} sent a step that is none`);
      return;
    }
    for (let row = 0; row < frame.rows; row++) {
      const first = frame.firstOffset[row] as number;
      this.#row(frame.lane[row] as number, first, first + (frame.tokenCount[row] as number));
    }
  }

  #row(number: number, first: number, end: number): void {
    const lane = this.#lanes.get(number);
    if (lane === undefined) {
      this.#world.violated('link', `${this.#host} sent tokens on lane ${number}, which nobody named`);
      return;
    }
    const wrong = this.#wrong(lane, first, end);
    if (wrong !== undefined) this.#world.violated('link', `${this.#host} lane ${number} [${first}, ${end}): ${wrong}`);
    lane.next = end;
  }

  #wrong(lane: Lane, first: number, end: number): string | undefined {
    if (lane.ended) return 'tokens after Ended';
    if (lane.next !== undefined && first !== lane.next) return `wanted offset ${lane.next}`;
    if (end > lane.cutAt) return `at or past the cut at ${lane.cutAt}`;
    const held = this.#held.get(this.#keyOf(lane.sid));
    if (held !== undefined && held.owner !== `${this.#id}#${lane.sid}`) return 'an older epoch is served';
    return undefined;
  }

  #keyOf(sid: number): string {
    return `${this.#host} ${this.#sessions.get(sid) ?? ''}`;
  }

  #lane(number: number, sid: number): Lane {
    const lane: Lane = { sid, next: undefined, cutAt: Infinity, ended: false };
    this.#lanes.set(number, lane);
    return lane;
  }
}

/** A message of the link in one line, without what is long and says little. */
function describe(message: object): string {
  const short = (key: string, value: unknown): unknown => {
    if (HIDDEN.has(key) || value === null || value === '' || value === 0) return undefined;
    if (Array.isArray(value) && value.length > 8) return `${value.length} values`;
    return value instanceof Uint8Array ? undefined : value;
  };
  return JSON.stringify(message, short);
}

const HIDDEN: ReadonlySet<string> = new Set([
  'message',
  'input',
  'params',
  'timing',
  'usage',
  'holder',
  'kvScope',
  'signalKey',
  'tenant',
  'capabilities',
  'append',
  'items',
]);
