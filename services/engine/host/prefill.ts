/**
 * `Prefill`: extends a context without generating. Without a name the result is the session's root, its
 * prefix; with one (`draft_id`) it is a warm context that turns may start from.
 */
import { isDeepStrictEqual } from 'node:util';
import { isClientId, isReticleError, ReticleError } from '@reticle/core/domain';
import type { Prefill } from '@reticle/proto/gen/engine/v1/Prefill';
import type { EngineInput } from '../contract.ts';
import type { HostState, PrefillOutcome } from './host-state.ts';
import { engineInput, faultMessage, inputTokensMax } from './messages.ts';
import { announcePrefix } from './records.ts';
import type { Attachment, PrefillCounts, PrefixNode, Session } from './session.ts';

type Parent = { readonly context: number; readonly generates: boolean } | { readonly waitFor: PrefixNode };

/**
 * Starts the operation; `Prefilled` or `Fault{op}` follows. A repeat is answered with what the first came to. Throws
 * `ReticleError` when it is refused. `onFailed`: the context does not come to be.
 */
export function prefill(
  host: HostState,
  attachment: Attachment,
  request: Prefill,
  onFailed: () => void = () => {},
): void {
  const { session } = attachment;
  if (repeated(attachment, request)) return;
  checkPrefill(host, session, request);
  const parent = parentOf(session, request.parentTurnId);
  const input = engineInput(request.append);
  const previousRoot = session.root;
  const node: PrefixNode = {
    name: request.draftId,
    order: session.nextOrder(),
    parentName: request.parentTurnId,
    request: recordOf(request, previousRoot),
    result: undefined,
    context: host.nextContext(),
    contextTokens: 0,
    revision: request.revision,
    waiting: [],
    released: false,
  };
  const named = request.draftId !== '';
  if (named && request.parentTurnId === '') session.rootTaken = true;
  if (named) session.prefixes.set(request.draftId, node);
  else session.root = node;
  const settle = (outcome: PrefillOutcome): void => {
    const waiting = node.waiting ?? [];
    node.waiting = undefined;
    const exists = !isReticleError(outcome);
    if (exists) {
      made(host, session, { node, outcome, previousRoot: named ? undefined : previousRoot });
    } else {
      node.released = true;
      forget(session, { node, name: request.draftId, previousRoot });
    }
    tell(attachment, { request, node, outcome });
    for (const wake of waiting) wake(exists && !session.dropped);
    if (session.dropped) for (const each of [node, previousRoot]) host.releaseNode(each);
    else if (!exists) onFailed();
  };
  const run = (context: number, afterOutput: boolean): void => {
    if (host.driver.canStart({ parent: context, inputTokensMax: inputTokensMax(input) }))
      submit(host, { parent: context, context: node.context, input, afterOutput, settle });
    else settle(new ReticleError('no_capacity', 'no KV is free', { retryAfterMs: 1_000 }));
  };
  if (!('waitFor' in parent)) run(parent.context, parent.generates);
  else
    parent.waitFor.waiting?.push((exists) => {
      if (exists) run(parent.waitFor.context, false);
      else settle(new ReticleError('internal', 'the context to extend could not be made'));
    });
}

type Made = {
  readonly node: PrefixNode;
  readonly outcome: PrefillCounts;
  readonly previousRoot: PrefixNode | undefined;
};

function made(host: HostState, session: Session, { node, outcome, previousRoot }: Made): void {
  node.contextTokens = outcome.contextTokens;
  node.result = resultOf(outcome, previousRoot);
  if (session.parked) host.driver.park({ context: node.context });
  if (previousRoot !== undefined) host.releaseNode(previousRoot);
}

/** The same name, parent and input: a gateway that makes a session again may find it here. */
function repeated(attachment: Attachment, request: Prefill): boolean {
  const { session } = attachment;
  const { draftId: name, keepTokens, discard } = request;
  const node = name === '' ? session.root : session.prefixes.get(name);
  if (node?.request === undefined || keepTokens > 0 || discard) return false;
  if (node.parentName !== request.parentTurnId || !isDeepStrictEqual(node.request.append, request.append)) return false;
  const answer = (): void => {
    const outcome = node.result ?? new ReticleError('internal', 'the context could not be made');
    tell(attachment, { request, node, outcome });
  };
  if (node.waiting === undefined) answer();
  else node.waiting.push(answer);
  return true;
}

/** A root that is made in several steps is recorded as one: its prefix is what they appended, in order. */
function recordOf(request: Prefill, { request: before }: PrefixNode): Prefill {
  if (request.draftId !== '' || before === undefined) return request;
  return { ...request, append: [...before.append, ...request.append] };
}

function resultOf(outcome: PrefillCounts, previousRoot: PrefixNode | undefined): PrefillCounts {
  const { contextTokens, cachedTokens, prefilledTokens } = outcome;
  const before = previousRoot?.result;
  if (before === undefined) return { contextTokens, cachedTokens, prefilledTokens };
  return {
    contextTokens,
    cachedTokens: before.cachedTokens,
    prefilledTokens: before.prefilledTokens + prefilledTokens,
  };
}

type Submission = {
  readonly parent: number;
  readonly context: number;
  readonly input: readonly EngineInput[];
  readonly afterOutput: boolean;
  readonly settle: (outcome: PrefillOutcome) => void;
};

function submit(host: HostState, { settle, ...work }: Submission): void {
  const op = host.nextOperation();
  host.operations.set(op, settle);
  host.driver.prefill({ op, ...work });
}

function checkPrefill(host: HostState, session: Session, request: Prefill): void {
  if (host.condition !== 'ready') throw host.refusal();
  if (request.keepTokens > 0 || request.discard)
    throw new ReticleError('unimplemented', 'drafts are not prefilled by this engine', { param: 'keep_tokens' });
  if (request.draftId === '') {
    if (session.rootTaken)
      throw new ReticleError('invalid_request', 'the root is fixed once something starts from it', { param: 'append' });
    if (request.parentTurnId === '') return;
    throw new ReticleError('missing_required_parameter', 'a warm context needs a name', { param: 'draft_id' });
  }
  if (!isClientId(request.draftId)) throw new ReticleError('invalid_request', 'not an id', { param: 'draft_id' });
  if (session.isTaken(request.draftId))
    throw new ReticleError('idempotency_conflict', 'the name is taken', { param: 'draft_id' });
}

function parentOf(session: Session, name: string): Parent {
  const node = name === '' ? session.root : session.prefixes.get(name);
  if (node !== undefined)
    return node.waiting === undefined ? { context: node.context, generates: false } : { waitFor: node };
  const turn = session.turns.get(name);
  if (turn?.live === true) throw new ReticleError('response_in_flight', 'the parent turn is still running');
  const context = turn?.final?.context;
  if (context === undefined)
    throw new ReticleError('turn_not_found', 'no such turn to continue from', { param: 'parent_turn_id' });
  return { context, generates: true };
}

type Forgotten = { readonly node: PrefixNode; readonly name: string; readonly previousRoot: PrefixNode };

function forget(session: Session, { node, name, previousRoot }: Forgotten): void {
  if (name !== '') session.prefixes.delete(name);
  else if (session.root === node) session.root = previousRoot;
}

type Told = { readonly request: Prefill; readonly node: PrefixNode; readonly outcome: PrefillOutcome };

/** A gateway that has taken over meanwhile knows no such operation: it gets the record. */
function tell(attachment: Attachment, { request, node, outcome }: Told): void {
  const { session, channel, sid } = attachment;
  if (session.attachment !== attachment) {
    const heir = session.attachment;
    if (heir !== undefined && node.result !== undefined) announcePrefix(heir.channel, heir.sid, node);
    return;
  }
  const { op } = request;
  if (isReticleError(outcome)) channel.control(faultMessage({ sid, op }, outcome));
  else channel.control({ prefilled: { sid, op, ...outcome } });
}
