/**
 * Learning of a session from its engine's records (PROTOCOL E6, §7): all of it when this gateway takes the session
 * over, single turns when they came to the engine by signal.
 */
import { durationMs } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Transcript } from '@reticle/proto/gen/engine/v1/Transcript';
import { findTurn, priceInput, turnOf, type SessionEvent, type SessionState } from '@reticle/services/session';
import type { EngineLink } from './link/engine-link.ts';
import type { SessionContexts } from './session-contexts.ts';
import { planOf, RecordReader, turnInput, turnRecord, type ContextRecord } from './session-records.ts';
import type { TurnDesk } from './turn-desk.ts';
import { ending } from './wire-values.ts';

/** Name of the session's root. */
const ROOT = '';
/** A prefix that the engine is still evaluating is counted here. */
const ROOT_PRICE = { afterOutput: false, opensAnswer: false, param: 'prefix' };

export type IntakeOptions = {
  readonly contexts: SessionContexts;
  readonly desk: TurnDesk;
  readonly state: () => SessionState;
  readonly dispatch: (event: () => SessionEvent) => void;
  /** Notes the start of a turn that another gateway has told. */
  readonly announce: (turnId: string) => void;
};

export class SessionIntake {
  readonly #options: IntakeOptions;
  readonly #reader = new RecordReader();
  /** Records that came before Opened. */
  #records: ContextRecord[] = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** A message of a record; one that comes while the session is open speaks of a turn that came by signal. */
  take(message: Transcript, isOpen: boolean): void {
    const record = this.#reader.take(message);
    if (record === undefined) return;
    if (isOpen) this.#learn(record);
    else this.#records.push(record);
  }

  /** Turns that came by signal while this gateway was away. */
  learnAll(): void {
    for (const record of this.#records.splice(0)) this.#learn(record);
  }

  #learn(record: ContextRecord): void {
    const { contexts, desk, dispatch, state } = this.#options;
    const { turnId } = planOf(record);
    const { start, prefilled, ended } = record.head;
    if (start === null) {
      if (prefilled !== null) contexts.learned(turnId);
      return;
    }
    if (findTurn(state(), turnId) === undefined) {
      contexts.records.planned(planOf(record));
      desk.create(turnId);
      dispatch(() => ({ kind: 'arrived', turn: turnOf(turnRecord(record, true)) }));
    }
    // A turn that ended before it started has no lane to say so.
    if (ended === null || desk.isSeated(turnId)) return;
    dispatch(() => ({
      kind: 'turn',
      turnId,
      event: { kind: 'engine-ended', ending: ending(ended), progress: desk.progress(turnId) },
    }));
  }

  /**
   * The engine has answered a takeover. `wanted`: turns that the client is still owed something of, and from where;
   * running ones always are. Returns turns of which the engine has the record alone: they are to be begun again.
   */
  restore(opened: Opened, link: EngineLink, wanted: ReadonlyMap<string, number>): readonly string[] {
    const { contexts, dispatch } = this.#options;
    const records = this.#records.splice(0);
    const root = records.find(({ head }) => head.turnId === ROOT);
    const adopted = new Map(
      opened.turns.flatMap((turn) => (!turn.ended || wanted.has(turn.turnId) ? [[turn.turnId, turn]] : [])),
    );
    contexts.records.root = turnInput(root?.head.prefill?.append ?? []);
    contexts.learned(ROOT);
    const named = records.filter((record) => record !== root);
    const prefilled = root?.head.prefilled;
    for (const record of named) this.#keep(record);
    dispatch(() => ({
      kind: 'restored',
      restored: {
        lastSeq: opened.lastClientSeq,
        idleTtlMs: opened.idleTtl ? durationMs(opened.idleTtl) : limits.idleTtlMsDefault,
        rootTokens: prefilled?.contextTokens ?? priceInput(contexts.records.root, ROOT_PRICE),
        turns: named.map((record) => turnRecord(record, adopted.has(record.head.turnId) || isDue(record, wanted))),
      },
    }));
    for (const record of named) {
      const turn = adopted.get(record.head.turnId);
      if (turn !== undefined) this.#adopt(record, turn, link);
    }
    return named.flatMap((record) => (isDue(record, wanted) ? [this.#revive(record, wanted)] : []));
  }

  /**
   * A turn whose gateway died while it moved the session here: begun again from where the client stands, since its
   * text before that is nowhere else.
   */
  #revive({ head, ids }: ContextRecord, wanted: ReadonlyMap<string, number>): string {
    const { announce, desk } = this.#options;
    const { turnId } = head;
    const from = Math.min(wanted.get(turnId) ?? ids.length, ids.length);
    const relay = desk.create(turnId);
    relay.seed(ids, from, ids.length);
    for (const mark of head.items) if (mark.atOffset <= from) relay.mark(mark);
    if (head.started !== null) announce(turnId);
    return turnId;
  }

  #adopt({ head, ids }: ContextRecord, turn: Opened['turns'][number], link: EngineLink): void {
    const { announce, desk } = this.#options;
    const { turnId, replayFrom, generatedOffset, lane } = turn;
    const relay = desk.create(turnId);
    // A client may have, and was billed for, tokens past a cut.
    relay.seed(ids, replayFrom, Math.max(generatedOffset, head.generatedOffset));
    for (const mark of head.items) relay.mark(mark);
    desk.bindHostLane(turnId, link, lane);
    if (head.started !== null) announce(turnId);
  }

  #keep(record: ContextRecord): void {
    const { contexts } = this.#options;
    const plan = planOf(record);
    contexts.records.planned(plan);
    const { ended, start } = record.head;
    // Of a turn that was moved before all it keeps had come, the context is made when the rest has.
    if (start !== null && (ended === null || record.ids.length < ended.endOffset)) return;
    contexts.records.ended(plan.turnId, Uint32Array.from(record.ids));
    if (ended?.error == null && !record.head.cold) contexts.learned(plan.turnId);
  }
}

/** The engine has the record alone, and somebody is owed tokens of the turn. */
function isDue({ head, ids }: ContextRecord, wanted: ReadonlyMap<string, number>): boolean {
  if (!head.cold || head.start === null) return false;
  if (head.ended === null) return true;
  return head.ended.error === null && (wanted.has(head.turnId) || ids.length < head.ended.endOffset);
}
