/**
 * One run: traffic that never stops, and scenarios in the rhythm healthy → inject → healthy → validate.
 *
 * A round whose load was below the floor before it began is void: neither passed nor failed.
 */
import { seededRandom, type Random } from '@reticle/core/flow';
import { Cluster } from './cluster.ts';
import { SILENCE_MS, type Scenario, type Stage } from './scenario.ts';
import { Tally, type ScenarioResult, spreadOf, type Spread } from './tally.ts';
import { faultChain, TOKENS_PER_SECOND, Traffic } from './traffic.ts';
import type { WatchedTurn } from './watched-turn.ts';

export type FaultRunOptions = {
  readonly scenarios: readonly Scenario[];
  /** Faulted streams to reach. */
  readonly count: number;
  /** Every scenario comes, also where the count is reached without; else every promise does. */
  readonly every: boolean;
  readonly seed: number;
  readonly gateways: number;
  readonly engines: number;
  readonly sessions: number;
  /** A nats-server binary; without one the runner carries the bus itself. */
  readonly natsPath?: string;
  /** A line for people. */
  readonly progress: (text: string) => void;
  /** A stream that broke a promise. */
  readonly onFailed: (turn: WatchedTurn) => void;
};

export type FaultRunResult = {
  readonly seed: number;
  readonly scenarios: readonly ScenarioResult[];
  readonly faulted: number;
  readonly failed: number;
  /** Turns that no fault touched; they must be right too. */
  readonly untouched: number;
  readonly untouchedFailed: number;
  readonly calmGapMs: Spread;
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
};

/** Shares of the nominal load below which a round is void. */
const FLOOR = { tokens: 0.5, streams: 0.6 } as const;
const FLOOR_WAIT_MS = 20_000;
const MEASURE_MS = 1_000;
const SETTLE_MAX_MS = 60_000;
const LOOK_MS = 100;
const DEATH_TOLD_MS = 2_000;

export class FaultRun {
  readonly #options: FaultRunOptions;
  readonly #cluster: Cluster;
  readonly #traffic: Traffic;
  readonly #tallies: readonly Tally[];
  readonly #random: Random;
  readonly #startMs = performance.now();
  readonly #reported = new Set<WatchedTurn>();
  readonly #calmGaps: number[] = [];
  #current: Tally | undefined;
  /** A stream that is lost now was lost to the current scenario. */
  #marking = false;
  #untouched = 0;
  #untouchedFailed = 0;

  constructor(options: FaultRunOptions) {
    const { seed, gateways, engines, sessions, natsPath } = options;
    this.#options = options;
    this.#random = seededRandom(seed);
    this.#tallies = inTurn(options.scenarios, this.#random).map((scenario) => new Tally(scenario));
    this.#cluster = new Cluster({
      gateways,
      engines,
      chain: faultChain,
      seed,
      ...(natsPath === undefined ? {} : { natsPath }),
    });
    const traffic = { sessions, turnsPerSession: 3, turnTokensMin: 60, turnTokensMax: 220, seed };
    this.#traffic = new Traffic(this.#cluster, traffic, {
      nowMs: () => this.#nowMs(),
      silenceMs: () => (this.#marking ? this.#current?.scenario.silenceMs : undefined) ?? SILENCE_MS,
      onLost: (turns, gateway, why) => this.#lost(turns, gateway, why),
      onReconnected: (delayMs) => this.#current?.reconnected(delayMs),
      onReceipt: (delayMs) => this.#current?.receipt(delayMs),
      onTurn: (turn) => this.#settled(turn),
      onSessionLost: (_, why) => this.#current?.remark(`session lost: ${why}`),
    });
  }

  #nowMs(): number {
    return performance.now() - this.#startMs;
  }

  async run(): Promise<FaultRunResult> {
    const { progress } = this.#options;
    try {
      progress('starting processes');
      await this.#cluster.start();
      this.#traffic.start();
      await this.#rounds();
      await this.#traffic.stop();
    } finally {
      await this.#cluster[Symbol.asyncDispose]();
    }
    return this.#result();
  }

  get #faulted(): number {
    return this.#tallies.reduce((sum, { streams }) => sum + streams.size, 0);
  }

  /** Until the count is reached and each scenario that must come has come; again from the first one where need be. */
  async #rounds(): Promise<void> {
    const { count, every, progress } = this.#options;
    const promises = new Set(this.#tallies.map(({ scenario }) => promiseOf(scenario)));
    for (let round = 0; ; round += 1) {
      const before = this.#faulted;
      for (const [index, tally] of this.#tallies.entries()) {
        const owed = every ? this.#tallies.length : promises.size;
        if (this.#faulted >= count && (round > 0 || index >= owed)) return;
        await this.#round(tally);
        const { streams, failed } = tally.result();
        progress(`${tally.scenario.name}: ${streams} streams, ${failed} failed; ${this.#faulted} of ${count} in all`);
      }
      if (this.#faulted >= count) return;
      if (this.#faulted > before) continue;
      progress('a whole round hit no stream: giving up');
      return;
    }
  }

  async #round(tally: Tally): Promise<void> {
    if (!(await this.#healthy())) {
      tally.voidRounds += 1;
      tally.remark('void: load below its floor');
      return;
    }
    tally.rounds += 1;
    this.#current = tally;
    this.#marking = true;
    await tally.scenario.inject(this.#stage(tally));
    await this.#cluster.heal();
    // What a client notices only by silence it notices a little later.
    await this.#until(() => false, tally.scenario.silenceMs ?? 0);
    this.#marking = false;
    await this.#until(() => [...tally.streams].every((turn) => turn.over), SETTLE_MAX_MS);
    for (const turn of tally.streams) if (turn.over) this.#check(turn);
    this.#current = undefined;
  }

  #stage(tally: Tally): Stage {
    return {
      cluster: this.#cluster,
      traffic: this.#traffic,
      random: this.#random,
      nowMs: () => this.#nowMs(),
      mark: (what, which = () => true) => {
        for (const { turn, gateway } of this.#traffic.live) if (which(turn, gateway)) this.#mark(turn, tally, what);
      },
      pause: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
      missed: (text) => tally.missed(text),
      remark: (text) => tally.remark(text),
    };
  }

  #mark(turn: WatchedTurn, tally: Tally, what: string): void {
    if (turn.over) return;
    if (turn.faults.length === 0) tally.add(turn);
    turn.fault({ scenario: tally.scenario.name, what, atMs: this.#nowMs() });
  }

  #lost(turns: readonly WatchedTurn[], gateway: number, why: string): void {
    const lostMs = this.#nowMs();
    // The end of a process is told a little after the end of its sockets.
    void this.#cluster.gateways[gateway]?.exited.then(() => {
      if (this.#nowMs() - lostMs < DEATH_TOLD_MS) for (const turn of turns) turn.gatewayLost();
    });
    const tally = this.#current;
    if (tally === undefined || !this.#marking) return;
    if (!tally.scenario.losesStreams) tally.remark(`client streams were lost: ${why.replaceAll(/\d{3,} ms/g, 'N ms')}`);
    for (const turn of turns) this.#mark(turn, tally, why.replaceAll(/\d+ ms/g, 'N ms'));
  }

  /** True when the load is up; it is measured, not assumed. */
  async #healthy(): Promise<boolean> {
    const { sessions } = this.#options;
    const untilMs = this.#nowMs() + FLOOR_WAIT_MS;
    while (this.#nowMs() < untilMs) {
      const [tokens, startMs] = [this.#traffic.tokens, this.#nowMs()];
      await this.#until(() => false, MEASURE_MS);
      const rate = (1_000 * (this.#traffic.tokens - tokens)) / (this.#nowMs() - startMs);
      const { length: streams } = this.#traffic.live;
      if (rate >= FLOOR.tokens * sessions * TOKENS_PER_SECOND && streams >= FLOOR.streams * sessions) return true;
    }
    return false;
  }

  async #until(condition: () => boolean, boundMs: number): Promise<void> {
    const untilMs = this.#nowMs() + boundMs;
    while (!condition() && this.#nowMs() < untilMs) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }

  #settled(turn: WatchedTurn): void {
    if (turn.faults.length === 0) {
      this.#untouched += 1;
      this.#calmGaps.push(turn.calmGapMs);
      if (turn.violations().length > 0) this.#untouchedFailed += 1;
    }
    this.#check(turn);
  }

  #check(turn: WatchedTurn): void {
    if (turn.violations().length === 0 || this.#reported.has(turn)) return;
    this.#reported.add(turn);
    this.#options.onFailed(turn);
  }

  #result(): FaultRunResult {
    const scenarios = this.#tallies.map((tally) => tally.result());
    const seconds = this.#nowMs() / 1_000;
    return {
      seed: this.#options.seed,
      scenarios,
      faulted: this.#faulted,
      failed: scenarios.reduce((sum, { failed }) => sum + failed, 0),
      untouched: this.#untouched,
      untouchedFailed: this.#untouchedFailed,
      calmGapMs: spreadOf(this.#calmGaps),
      tokens: this.#traffic.tokens,
      tokensPerSecond: Math.round(this.#traffic.tokens / seconds),
      seconds: Math.round(seconds),
    };
  }
}

function promiseOf({ name }: Scenario): string {
  return name.split('.')[0] ?? name;
}

/** One scenario of each promise after the other, each promise's own in an order that the seed gives. */
function inTurn(scenarios: readonly Scenario[], random: Random): readonly Scenario[] {
  const groups = Object.values(Object.groupBy(scenarios, promiseOf)).map((group = []) =>
    group
      .map((scenario) => ({ scenario, at: random.unit() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ scenario }) => scenario),
  );
  const longest = Math.max(...groups.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => groups.flatMap((group) => group.slice(index, index + 1))).flat();
}
