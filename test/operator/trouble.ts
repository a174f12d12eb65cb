/** Seeded trouble for a cluster with two operators that both think that they lead. */
import { seededRandom, type Random } from '@reticle/core/flow';
import { OperatorRun, specOf, type Process } from './operator-run.ts';
import { deployment, nodeOf, POOLS } from './scene.ts';

const STEPS = 14;
const STEP_MS_MAX = 25_000;
/** Longer than a cache may be silent before it counts as stale. */
const SILENCE_MS_MAX = 60_000;
const JUMP_MS_MAX = 300_000;
const DELAY_MS_MAX = 600;
/** Jumps of the clock back put bounds off; all bounds of one chain together are less than this. */
const END_MS = 3_600_000;
const NAMES = ['spark', 'ember'] as const;

export class Trouble {
  readonly run: OperatorRun;
  /** What was done, for a seed that goes wrong. */
  readonly log: string[] = [];
  readonly #random: Random;
  readonly #processes: Process[] = [];
  readonly #kinds: readonly (readonly [string, () => Promise<unknown> | void])[];

  private constructor(run: OperatorRun, seed: number) {
    this.run = run;
    this.#random = seededRandom(seed);
    this.#kinds = [
      ['change a spec', () => this.#changeSpec()],
      ['scale', () => this.#scale()],
      ['delete a deployment', () => this.#delete()],
      ['lose a node', () => this.#loseNode()],
      ['give a node back', () => this.#returnNode()],
      ['close a pool', () => this.#service(this.#one(['Cordon', 'Evacuate']))],
      ['open a pool', () => this.#service('Open')],
      ['freeze the server', () => this.#freeze()],
      ['silence a process', () => this.#silence()],
      ['kill a process', () => this.#kill()],
      ['jump in time', () => this.run.cluster.clock.jumpWall((2 * this.#random.unit() - 1) * JUMP_MS_MAX)],
      ['compact', () => this.run.cluster.server.compact()],
      ['break all watches', () => this.run.cluster.server.breakWatches()],
      ['take something away', () => this.#take()],
    ];
  }

  /** Runs a seed: trouble, then everything healed; says what was wrong on the way and in the end. */
  static async of(seed: number): Promise<readonly string[]> {
    const trouble = new Trouble(await OperatorRun.begin({ seed }), seed);
    const { run } = trouble;
    try {
      await trouble.#make();
      await trouble.#heal();
    } catch (error) {
      run.watch.faults.push(String(error));
    }
    const errors = run.log.records.filter(({ level }) => level === 'error').map((record) => JSON.stringify(record));
    const wrong = [...run.watch.faults, ...errors];
    return wrong.length === 0 ? [] : [`seed ${seed}: ${wrong.slice(0, 6).join('; ')}; after ${trouble.log.join(', ')}`];
  }

  async #make(): Promise<void> {
    const { cluster } = this.run;
    for (const name of NAMES) await cluster.create(deployment({ name }));
    this.#processes.push(this.#start(), this.#start());
    for (let step = 0; step < STEPS; step++) {
      await cluster.elapse(this.#random.unit() * STEP_MS_MAX);
      const [name, act] = this.#one(this.#kinds);
      this.log.push(`${Math.round(cluster.clock.nowMs())} ${name}`);
      await act();
    }
    await cluster.elapse(SILENCE_MS_MAX);
  }

  /** Everything is there again; both processes stay. */
  async #heal(): Promise<void> {
    const { cluster } = this.run;
    for (const node of cluster.lostNodes) await cluster.returnNode(node);
    for (const pool of Object.keys(POOLS)) await cluster.merge('WaferPool', pool, OPEN);
    await cluster.until('deleted ones are gone', () => cluster.of('ModelDeployment').every(isStaying), END_MS);
    for (const name of NAMES) {
      if (cluster.find('ModelDeployment', name) === undefined) await cluster.create(deployment({ name }));
      else await cluster.merge('ModelDeployment', name, { spec: { regions: [{ region: 'r1', replicas: 1 }] } });
    }
    await cluster.until(
      'both serve',
      () => this.run.isServing() && cluster.of('ModelReplica').length === NAMES.length,
      END_MS,
    );
    const claims = cluster.of('Wafer').filter(({ spec }) => 'claim' in (spec as object)).length;
    const stages = cluster.of('ModelReplica').reduce((sum, each) => sum + (specOf(each).plan?.stages.length ?? 0), 0);
    const pods = cluster.of('Pod').length;
    if (claims !== stages || pods !== stages) throw new Error(`${stages} stages, ${claims} claims, ${pods} pods`);
    const rest = await this.run.settle('rest', () => true);
    if (rest > 0) throw new Error(`${rest} writes at rest`);
  }

  #start(): Process {
    const { clock } = this.run.cluster;
    const delay = (): Promise<void> =>
      new Promise((resolve) => clock.after(this.#random.unit() ** 4 * DELAY_MS_MAX, resolve));
    return this.run.start({ delay });
  }

  #one<T>(some: readonly T[]): T {
    const found = some[Math.floor(this.#random.unit() * some.length)];
    if (found === undefined) throw new Error('one of some');
    return found;
  }

  async #changeSpec(): Promise<void> {
    const tokens = this.#one(['hash', 'code']);
    await this.#change({ spec: { engine: { args: { tokens } } } });
  }

  async #scale(): Promise<void> {
    await this.#change({ spec: { regions: [{ region: 'r1', replicas: this.#one([0, 1, 2]) }] } });
  }

  async #change(body: object): Promise<void> {
    const { cluster } = this.run;
    const name = this.#one(NAMES);
    if (cluster.find('ModelDeployment', name) === undefined) await cluster.create(deployment({ name }));
    else await cluster.merge('ModelDeployment', name, body);
  }

  #delete(): Promise<void> {
    return this.run.cluster.remove('ModelDeployment', this.#one(NAMES));
  }

  async #loseNode(): Promise<void> {
    const { cluster, watch } = this.run;
    const pool = this.#one(Object.keys(POOLS) as (keyof typeof POOLS)[]);
    const node = nodeOf(pool, Math.floor(this.#random.unit() * POOLS[pool]));
    if (cluster.lostNodes.has(node)) return;
    watch.lost(node);
    await cluster.loseNode(node);
  }

  async #returnNode(): Promise<void> {
    const [node] = this.run.cluster.lostNodes;
    if (node !== undefined) await this.run.cluster.returnNode(node);
  }

  async #service(service: string): Promise<void> {
    const body = service === 'Open' ? OPEN : { spec: { service, serviceReason: 'Maintenance' } };
    await this.run.cluster.merge('WaferPool', this.#one(Object.keys(POOLS)), body);
  }

  async #freeze(): Promise<void> {
    const { server } = this.run.cluster;
    server.freeze();
    await this.run.cluster.elapse(this.#random.unit() * SILENCE_MS_MAX);
    server.thaw();
  }

  #silence(): void {
    const { kube } = this.#one(this.#processes);
    const merged = this.#random.unit() < 0.5;
    kube.pause();
    this.run.cluster.clock.after(this.#random.unit() * SILENCE_MS_MAX, () => kube.resume({ merged }));
  }

  #kill(): void {
    const at = Math.floor(this.#random.unit() * this.#processes.length);
    const killed = this.#processes[at];
    if (killed === undefined) return;
    this.run.stop(killed);
    this.#processes[at] = this.#start();
  }

  async #take(): Promise<void> {
    const { cluster } = this.run;
    const kind = this.#one(['Pod', 'ConfigMap', 'Service', 'PodDisruptionBudget']);
    const found = cluster.of(kind);
    if (found.length > 0) await cluster.remove(kind, this.#one(found).metadata.name);
  }
}

const OPEN = { spec: { service: 'Open', serviceReason: null } };

function isStaying({ metadata }: { readonly metadata: { readonly deletionTimestamp?: string } }): boolean {
  return metadata.deletionTimestamp === undefined;
}
