import type { Clock, Random } from '@reticle/core/flow';
import type { World } from './world.ts';

const WALL_START_MS = 1_767_225_600_000;

/**
 * A process: its code runs only through {@link enter}. Killed, it never runs again and all it held is gone; paused
 * (SIGSTOP), what it should have done waits while time goes on.
 */
export class SimProcess {
  readonly name: string;
  /** The machine whose links it uses; processes that succeed one another share it. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly world: World;
  readonly #backlog: { readonly rank: number; readonly run: () => void }[] = [];
  readonly #onKill: (() => void)[] = [];
  #timers = 0;
  #alive = true;
  #pausedBy = 0;
  #wallSkewMs = 0;

  constructor(world: World, names: { readonly name: string; readonly node: string }) {
    this.world = world;
    this.name = names.name;
    this.node = names.node;
    const dice = world.dice(`process ${names.name}`);
    this.random = dice.random;
    this.clock = this.#clock(dice.between(0, 1e6), dice.unit());
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#pausedBy > 0;
  }

  /** Timers that are armed. */
  get timers(): number {
    return this.#timers;
  }

  /** Runs code of the process now, later, or never. `rank` orders what waited: timers go before sockets. */
  enter(run: () => void, rank = 1): void {
    if (!this.#alive) return;
    if (this.#pausedBy > 0) {
      this.#backlog.push({ rank, run });
      return;
    }
    try {
      run();
    } catch (error) {
      this.world.defect(this.name, error);
    }
  }

  onKill(told: () => void): void {
    this.#onKill.push(told);
  }

  /** SIGKILL. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#backlog.length = 0;
    for (const told of this.#onKill) told();
  }

  /** SIGSTOP for a while. */
  pause(forMs: number): void {
    this.#pausedBy += 1;
    this.world.after(forMs, `resume ${this.name}`, () => this.#resume());
  }

  /** Wall time jumps; timers do not notice. */
  jumpWall(byMs: number): void {
    this.#wallSkewMs += byMs;
  }

  #resume(): void {
    this.#pausedBy -= 1;
    if (this.#pausedBy > 0) return;
    // Stable: within a rank things happen in the order in which they came.
    const waited = this.#backlog.splice(0).sort((left, right) => left.rank - right.rank);
    // One at a time, each an event of its own, as an event loop would take them.
    for (const { run, rank } of waited) this.world.after(0, `late ${this.name}`, () => this.enter(run, rank), -1);
  }

  #clock(originMs: number, tie: number): Clock {
    const { world } = this;
    return {
      nowMs: () => world.nowMs + originMs,
      wallMs: () => Math.floor(WALL_START_MS + world.nowMs + this.#wallSkewMs),
      after: (delayMs, callback) => {
        let armed = true;
        this.#timers += 1;
        const disarm = (): void => {
          if (armed) this.#timers -= 1;
          armed = false;
        };
        const fire = (): void => {
          if (!armed) return;
          disarm();
          callback();
        };
        const cancel = world.after(delayMs, this.name, () => this.enter(fire, 0), tie);
        return () => {
          disarm();
          cancel();
        };
      },
    };
  }
}
