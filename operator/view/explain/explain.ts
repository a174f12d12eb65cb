import { noFitWords, reasons, type Reason, type ReasonClass } from '@reticle/operator/api';
import { shortKind, type NamedObject } from '../kind-word.ts';
import { badCondition, type Cause } from './cause.ts';
import { causesOf } from './causes.ts';
import { currentConditions, find, subjectName, worldOf, type Evidence, type Subject, type World } from './world.ts';
import { wouldChange } from './would-change.ts';

/** Why an object is as it is, from its own word down to the leaves. */
export type Explanation = {
  /** `md/agent-1t`. */
  readonly subject: string;
  readonly namespace?: string;
  /** `unknown`: nobody has judged the present spec. */
  readonly state: 'ok' | 'bad' | 'unknown';
  /** Replicas by region, of a deployment. */
  readonly regions?: string;
  /** `READY`, `NOT READY`, `OK`, `NOT OK`, `NOT JUDGED`. */
  readonly verdict: string;
  readonly reason?: Reason;
  readonly class?: ReasonClass;
  readonly causes: readonly Cause[];
  readonly wouldChange: readonly string[];
  readonly next: readonly string[];
  /** How far what is said can be trusted: generations and the operator's last sign of life. */
  readonly freshness: readonly string[];
  readonly nowMs: number;
};

/** What is wrong with the question. */
export type Unanswered = { readonly wrong: string; readonly near?: readonly string[] };

/** Explains one object; `Node` is no object of ours. */
export function explain(evidence: Evidence, named: NamedObject): Explanation | Unanswered {
  const found = find(evidence, named);
  const [subject, ...others] = found;
  if (subject === undefined) return unreadable(evidence, named) ?? missing(evidence, named);
  if (others.length > 0) {
    const near = found.map(({ meta }) => `${shortKind(named.kind)}/${meta.namespace ?? ''}/${meta.name}`);
    return { wrong: `several namespaces have ${shortKind(named.kind)}/${named.name}`, near };
  }
  return explained(worldOf(evidence), subject);
}

function missing({ facts, tenants }: Evidence, { kind, namespace, name }: NamedObject): Unanswered {
  const place = namespace === undefined ? '' : ` in namespace ${namespace}`;
  const near = [...facts.objects, ...tenants].filter((object) => object.kind === kind).map(subjectName);
  return { wrong: `there is no ${shortKind(kind)}/${name}${place}`, near: near.slice(0, NEAR_MAX) };
}

const NEAR_MAX = 16;

/** An object that this version cannot read is left alone by the operator, and so are its pods. */
function unreadable(evidence: Evidence, { kind, namespace, name }: NamedObject): Explanation | undefined {
  const full = namespace === undefined ? name : `${namespace}/${name}`;
  const found = evidence.unreadable.find(
    (each) => each.kind === kind && (each.name === full || each.name.endsWith(`/${name}`)),
  );
  if (found === undefined) return undefined;
  const reason = 'UnsupportedVersion';
  const subject = `${shortKind(kind)}/${name}`;
  const problems = found.problems.map(({ path, message }) => `${path} ${message}`);
  return {
    subject,
    state: 'bad',
    verdict: 'NOT OK',
    reason,
    class: reasons[reason].class,
    causes: problems.map((text): Cause => ({ subject, depth: 0, text, reason })),
    wouldChange: [],
    next: [reasons[reason].next],
    freshness: operatorWords(evidence),
    nowMs: evidence.facts.nowMs,
  };
}

function explained(world: World, subject: Subject): Explanation {
  const bad = badCondition(subject);
  const judged = currentConditions(subject).length > 0;
  const causes = distinct(causesOf(world, subject));
  const { namespace } = subject.meta;
  const state = bad !== undefined ? 'bad' : judged ? 'ok' : 'unknown';
  return {
    subject: subjectName(subject),
    ...(namespace === undefined ? {} : { namespace }),
    state,
    ...regionsOf(subject),
    verdict: verdictOf(subject, state),
    ...(bad === undefined ? {} : { reason: bad.reason, class: reasons[bad.reason].class }),
    causes,
    wouldChange: wouldChange(world, subject),
    next: state === 'bad' ? nextOf(causes) : [],
    freshness: [...statusWords(subject), ...unseenWords(world), ...operatorWords(world)],
    nowMs: world.nowMs,
  };
}

/** What several replicas rest on is said once, below the first of them. */
function distinct(causes: readonly Cause[]): readonly Cause[] {
  const said = new Set<string>();
  return causes.filter(({ subject, text, depth }) => {
    const key = `${subject} ${text}`;
    if (depth > 1 && said.has(key)) return false;
    said.add(key);
    return true;
  });
}

function verdictOf({ kind }: Subject, state: Explanation['state']): string {
  if (state === 'unknown') return 'NOT JUDGED';
  const word = kind === 'ModelDeployment' || kind === 'ModelReplica' ? 'READY' : 'OK';
  return state === 'ok' ? word : `NOT ${word}`;
}

function regionsOf(subject: Subject): { readonly regions?: string } {
  const text = subject.kind === 'ModelDeployment' ? subject.status?.regionsText : undefined;
  return text === undefined ? {} : { regions: text };
}

/** What the reasons ask for, the leaves first, each once. */
function nextOf(causes: readonly Cause[]): readonly string[] {
  const deepestFirst = causes.toSorted((a, b) => b.depth - a.depth);
  const isDetailed = causes.some(({ code }) => code !== undefined);
  const asked = deepestFirst.flatMap(({ reason, code }) => {
    if (code !== undefined) return [noFitWords[code].next];
    // Its advice is to read the codes, which stand here already.
    return reason === undefined || (reason === 'NoFit' && isDetailed) ? [] : [reasons[reason].next];
  });
  return [...new Set(asked)];
}

function statusWords(subject: Subject): readonly string[] {
  const { meta, status } = subject;
  const name = subjectName(subject);
  if (status === undefined) return [`${name} has no status: no operator has looked at it`];
  const seen = status.observedGeneration ?? 0;
  if (seen === meta.generation) return [`the status of ${name} is of generation ${seen}, as its spec is`];
  return [`the status of ${name} is of generation ${seen}, its spec of ${meta.generation}: nobody has judged it yet`];
}

function unseenWords({ unseen }: Evidence): readonly string[] {
  return unseen.length === 0 ? [] : [`you may not read ${unseen.join(', ')}: nothing is said of them`];
}

const LEASE_MS = 15_000;

function operatorWords({ operatorSeenMs, facts, unseen }: Evidence): readonly string[] {
  if (unseen.includes('leases')) return [];
  if (operatorSeenMs === undefined) return ['no operator holds a lease: statuses are as the last one left them'];
  const agoMs = Math.max(0, facts.nowMs - operatorSeenMs);
  const seconds = Math.floor(agoMs / 1_000);
  if (agoMs <= LEASE_MS) return [`an operator renewed its lease ${seconds} s ago`];
  return [`no operator leads: the lease was last renewed ${seconds} s ago, statuses are as it left them`];
}
