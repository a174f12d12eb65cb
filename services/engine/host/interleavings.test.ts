/**
 * Any interleaving of starts, steps, acknowledgements, cuts, redirects, repeats, blocked links, lost links and
 * takeovers against what a gateway can know. The link checks every frame as it comes (density, Ended last,
 * nothing at or past a cut); here the turns' ends are compared over all lanes and answers.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { tokenText } from './fake-driver.ts';
import { FakeLink, startOf } from './fake-link.ts';
import { rig, SESSION, type Rig } from './host-rig.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const which = fc.nat(7);
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('start' as const),
      length: fc.integer({ min: 1, max: 120 }),
      creditTokens: fc.integer({ min: 1, max: 60 }),
      parent: share,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 15 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('credit' as const),
      which,
      through: share,
      creditTokens: fc.integer({ min: 0, max: 80 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      which,
      mode: fc.integer({ min: 0, max: 4 }),
      keep: fc.option(fc.nat(130), { nil: undefined }),
      redirect: fc.boolean(),
      copies: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('writable' as const), writable: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('takeover' as const),
      lost: fc.boolean(),
      awayMs: fc.nat(3_000),
      from: share,
      transcript: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prefill' as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

type Told = { readonly link: FakeLink; readonly lane: number; readonly turnId: string };

/** A gateway that remembers which lane of which link meant which turn. */
class Gateway {
  readonly rig: Rig;
  link: FakeLink;
  readonly links: FakeLink[];
  readonly told: Told[] = [];
  /** Current lane of each turn, in order of start. */
  readonly lanes = new Map<string, number>();
  /** Ends that a takeover heard as records, for turns whose rings had gone. */
  readonly recorded = new Map<string, number>();
  readonly #cuts = new Map<string, string>();
  #lane = 0;
  #names = 0;
  #sid = 1;

  constructor(built: Rig) {
    this.rig = built;
    this.link = built.link;
    this.links = [built.link];
  }

  run(next: Command): void {
    const { clock } = this.rig;
    if (next.kind === 'start') this.#start(next);
    else if (next.kind === 'advance') clock.advance(next.ms);
    else if (next.kind === 'credit') this.#credit(next);
    else if (next.kind === 'cut') this.#cut(next);
    else if (next.kind === 'takeover') this.takeover(next);
    else if (next.kind === 'writable') this.#setWritable(next.writable);
    else this.link.prefill({ sid: this.#sid, op: ++this.#names, append: [{ itemJson: 'p' }] });
  }

  #credit({ which: index, through, creditTokens }: Extract<Command, { kind: 'credit' }>): void {
    const lane = this.#pick(index)?.[1];
    if (lane !== undefined) this.link.credit(lane, Math.floor(this.link.received(lane) * through), creditTokens);
  }

  #setWritable(writable: boolean): void {
    this.link.writable = writable;
    if (writable) this.link.peer.writable();
  }

  takeover({ lost, awayMs, from, transcript }: Omit<Extract<Command, { kind: 'takeover' }>, 'kind'>): void {
    const old = this.link;
    if (lost) old.peer.closed();
    this.rig.clock.advance(awayMs);
    this.link = new FakeLink(this.rig.host);
    this.links.push(this.link);
    if (transcript) {
      this.#restore();
      return;
    }
    const adopt = [...this.lanes].map(([turnId, lane]) => {
      const received = old.received(lane);
      const acked = old.lane(lane).from ?? 0;
      const nextOffset = acked + Math.floor((received - acked) * from);
      return { lane: this.#newLane(turnId), turnId, nextOffset, creditTokens: 40 };
    });
    this.link.open({ sid: ++this.#sid, sessionId: SESSION, adopt, defaultCreditTokens: 40 });
  }

  /** A gateway that knows nothing: turns, lanes and ends come from the host. */
  #restore(): void {
    const { link } = this;
    link.open({ sid: ++this.#sid, sessionId: SESSION, wantTranscript: true, defaultCreditTokens: 40 });
    this.lanes.clear();
    for (const { turnId = '', ended } of link.all('transcript')) {
      if (ended) this.recorded.set(turnId, ended.endOffset ?? 0);
    }
    for (const { turnId = '', lane = 0 } of link.all('opened').at(-1)?.turns ?? []) {
      this.lanes.set(turnId, lane);
      this.told.push({ link, lane, turnId });
    }
  }

  /** Grants everything until nothing runs and nothing is owed. */
  settle(): void {
    this.#setWritable(true);
    for (let round = 0; round < 12; round++) {
      for (const lane of this.lanes.values()) this.link.credit(lane, this.link.received(lane), 8_192);
      this.rig.clock.advance(50);
    }
  }

  #start({ length, creditTokens, parent }: { length: number; creditTokens: number; parent: number }): void {
    const done = [...this.lanes].filter(([, lane]) => this.link.lane(lane).ended !== undefined);
    const parentTurnId = done[Math.floor(parent * (done.length + 1))]?.[0] ?? '';
    const turnId = `t${++this.#names}`;
    const start = { sid: this.#sid, turnId, parentTurnId, maxOutputTokens: length, creditTokens };
    this.link.start({ ...start, lane: this.#newLane(turnId) });
  }

  #cut({ which: index, mode, keep, redirect, copies }: Extract<Command, { kind: 'cut' }>): void {
    const picked = this.#pick(index);
    if (picked === undefined) return;
    const [turnId, lane] = picked;
    const name = `t${++this.#names}`;
    const successor = redirect
      ? startOf({ lane: this.#newLane(name), turnId: name, maxOutputTokens: 30, creditTokens: 20 })
      : null;
    const control = { lane, signalId: `s${this.#names}`, mode: mode as 0, successor };
    this.#cuts.set(control.signalId, turnId);
    for (let copy = 0; copy < copies; copy++)
      this.link.cut(keep === undefined ? control : { ...control, keepThroughOffset: keep });
  }

  #newLane(turnId: string): number {
    const lane = ++this.#lane;
    this.lanes.set(turnId, lane);
    this.told.push({ link: this.link, lane, turnId });
    return lane;
  }

  #pick(index: number): [string, number] | undefined {
    const all = [...this.lanes];
    return all[index % Math.max(1, all.length)];
  }
}

function check(gateway: Gateway): void {
  const { driver } = gateway.rig;
  const starts = new Map(driver.starts.map((work, index) => [turnIdOf(work.input), index]));
  const ends = new Map<string, number>();
  for (const told of gateway.told) checkLane(told, starts.get(told.turnId), ends);
  for (const told of gateway.told) checkReceipts(told, ends.get(told.turnId));
  // Every turn that the engine took has one end that the last gateway knows, and no stream is left.
  for (const turnId of starts.keys()) {
    const lane = gateway.lanes.get(turnId);
    const heard = lane === undefined ? gateway.recorded.has(turnId) : gateway.link.lane(lane).ended !== undefined;
    expect([turnId, heard]).toEqual([turnId, true]);
  }
  for (const [turnId, end] of gateway.recorded) expect(ends.get(turnId) ?? end).toBe(end);
  expect(driver.load().slotsFree).toBe(driver.load().slotsTotal);
}

/** The lane's text is the turn's own, and its end is that of every other lane of the turn. */
function checkLane({ link, lane, turnId }: Told, start: number | undefined, ends: Map<string, number>): void {
  const { ended, text, from = 0, ids, cutAt } = link.lane(lane);
  if (start !== undefined) expect(text).toBe(ids.map((_, at) => tokenText(start, from + at)).join(''));
  if (!ended) return;
  const end = ended.endOffset ?? 0;
  expect(ends.get(turnId) ?? end).toBe(end);
  ends.set(turnId, end);
  expect(cutAt ?? end).toBe(end);
  if (ids.length > 0) expect(link.received(lane)).toBeGreaterThanOrEqual(end);
}

/** Every APPLIED and ALREADY_ENDED of a lane names the turn's end. */
function checkReceipts({ link, lane }: Told, end: number | undefined): void {
  if (end === undefined) return;
  const final = link.all('cutDone').filter((done) => done.lane === lane && (done.outcome === 1 || done.outcome === 2));
  expect(final.map(({ effectiveOffset }) => effectiveOffset)).toEqual(final.map(() => end));
}

function turnIdOf(input: readonly { kind: string; json?: string }[]): string {
  return input[0]?.json?.replace('in-', '') ?? '';
}

describe('property: any interleaving', () => {
  test.each([1, 3])('with steps of up to %d tokens', (width) => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 45 }), (commands) => {
        const built = rig({
          ringTokens: 64,
          slots: 6,
          width: (offset) => 1 + (offset % width),
          maxStepTokens: width,
          prefillMs: 2,
          items: () => [
            { itemIndex: 0, kind: 'message', atOffset: 0, closed: false },
            { itemIndex: 0, kind: 'message', atOffset: 17, closed: true },
            { itemIndex: 1, kind: 'function-call', atOffset: 17, closed: false },
          ],
        });
        const gateway = new Gateway(built);
        for (const next of commands) gateway.run(next);
        gateway.settle();
        check(gateway);
        gateway.link.release(gateway.link.all('opened').at(-1)?.sid ?? 0, 3);
        built.clock.advance(10);
        expect([...built.driver.contexts.keys()]).toEqual([0]);
        built.host.close();
        expect(built.clock.pending).toBe(0);
      }),
      { numRuns: 250 },
    );
  });
});
