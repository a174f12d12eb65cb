/** The gateway's view of one link to one engine (PROTOCOL §2): handles, receivers and what they are told. */
import type { StepRow, WireItemMark } from '@reticle/proto/wire';
import type { Capabilities } from '@reticle/proto/gen/engine/v1/Capabilities';
import type { CutDone } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended } from '@reticle/proto/gen/engine/v1/Ended';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Prefilled } from '@reticle/proto/gen/engine/v1/Prefilled';
import type { Transcript } from '@reticle/proto/gen/engine/v1/Transcript';
import type { Started } from '@reticle/proto/gen/engine/v1/Started';
import type { EngineEntry } from '../engine-directory.ts';

/** What `Welcome` said; constant within a link. */
export type LinkFacts = {
  readonly engineId: string;
  readonly address: string;
  readonly region: string;
  readonly modelDigest: string;
  readonly replicaEpoch: number;
  readonly capabilities: Capabilities;
};

/** Owner of a lane: one running turn on one link. */
export interface LaneReceiver {
  started(message: Started): void;
  /** Valid until it returns. False: the row has a gap or is garbled, which is a fault of the link. */
  row(row: StepRow, micros: number): boolean;
  mark(mark: WireItemMark): void;
  cutDone(message: CutDone): void;
  /** True while the engine has credit for a turn that has not ended: silence about it is then a stall (E7). */
  readonly owed: boolean;
  ended(message: Ended): void;
  fault(message: Fault): void;
}

/** Owner of a sid: one opened session on one link. */
export interface SidReceiver {
  opened(message: Opened): void;
  prefilled(message: Prefilled): void;
  fault(message: Fault): void;
  /** The record of a context: before `opened` when it was asked for, else of a turn that came by signal. */
  transcript(message: Transcript): void;
  /** A turn on a lane that the host made (E2). The receiver may bind the lane. */
  hostStarted(message: Started, link: EngineLink): void;
  /** The engine takes nothing new and stops in `timeLeftMs` (E11). */
  draining(timeLeftMs: number): void;
  /** The link is dead; told once, after which no handle of it means anything. */
  lost(cause: LinkLoss): void;
}

/**
 * Why a link died (E7). `transport`: the connection broke, the engine may well live. `silent`: no answer, not even to
 * a Ping. `hung`: it answers and makes no progress. `garbled`: it sent what no engine may send. `refused`: its Welcome
 * was not that of the engine that was dialled. `closed`: by this side.
 */
export type LinkLoss = 'transport' | 'silent' | 'hung' | 'garbled' | 'refused' | 'closed';

export interface EngineLink {
  readonly facts: LinkFacts;
  readonly alive: boolean;
  /** True once the engine drains: running turns finish, nothing new is opened (E11). */
  readonly draining: boolean;
  openSid(receiver: SidReceiver): number;
  closeSid(sid: number): void;
  openLane(receiver: LaneReceiver): number;
  closeLane(lane: number): void;
  /** A lane of the host's gets its receiver. */
  bindLane(lane: number, receiver: LaneReceiver): void;
  send(request: LinkRequest__Input): void;
  /** Statements of one loop turn go in one message; the last one per lane counts. */
  credit(lane: number, receivedThrough: number, creditTokens: number): void;
}

/** Links by engine, made when needed. */
export interface EngineLinks {
  /** Rejects with `engine_lost` when the engine cannot be reached within `boundMs` (default `limits.linkDeadMs`). */
  linkTo(engine: EngineEntry, boundMs?: number): Promise<EngineLink>;
}
