/** The gateway's view of one link to one engine (PROTOCOL §2): handles, receivers and what they are told. */
import type { StepRow, WireItemMark } from '@reticle/proto/wire';
import type { Capabilities } from '@reticle/proto/gen/engine/v1/Capabilities';
import type { CutDone } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended } from '@reticle/proto/gen/engine/v1/Ended';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Prefilled } from '@reticle/proto/gen/engine/v1/Prefilled';
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
  ended(message: Ended): void;
  fault(message: Fault): void;
}

/** Owner of a sid: one opened session on one link. */
export interface SidReceiver {
  opened(message: Opened): void;
  prefilled(message: Prefilled): void;
  fault(message: Fault): void;
  /** The link is dead; told once, after which no handle of it means anything. */
  lost(): void;
}

export interface EngineLink {
  readonly facts: LinkFacts;
  readonly alive: boolean;
  /** True once the engine drains: running turns finish, nothing new is opened (E11). */
  readonly draining: boolean;
  openSid(receiver: SidReceiver): number;
  closeSid(sid: number): void;
  openLane(receiver: LaneReceiver): number;
  closeLane(lane: number): void;
  send(request: LinkRequest__Input): void;
  /** Statements of one loop turn go in one message; the last one per lane counts. */
  credit(lane: number, receivedThrough: number, creditTokens: number): void;
}

/** Links by engine, made when needed. */
export interface EngineLinks {
  /** Rejects with `engine_lost` when the engine cannot be reached in time. */
  linkTo(engine: EngineEntry): Promise<EngineLink>;
}
