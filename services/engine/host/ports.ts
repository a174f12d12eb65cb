import type { Clock } from '@reticle/core/flow';
import type { Failpoint } from '@reticle/core/process';
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { EngineDriver } from '../contract.ts';

/** One gateway's link as the host sees it. Calls never call back into the host before they return. */
export interface HostLink {
  /** False while a step frame waits in the transport; the host then keeps rows in the rings. */
  readonly writable: boolean;
  /** Control messages leave in the order of the calls, whether the link is writable or not. */
  control(message: LinkResponse__Input): void;
  /** Bytes of one `LinkResponse{step}`; the link owns them. */
  step(bytes: Uint8Array): void;
  /** Ends the stream. The host expects `closed` neither before nor because of it. */
  close(reason: string): void;
}

/** What a transport tells the host about one link. */
export interface HostPeer {
  message(request: LinkRequest): void;
  /** The waiting step frame has left. */
  writable(): void;
  closed(): void;
}

/** Things worth counting; a composition root maps them to instruments. */
export type HostCount =
  | 'link_refused_protocol'
  | 'link_refused_digest'
  | 'link_refused_region'
  | 'link_refused_epoch'
  | 'unknown_message'
  | 'epoch_stale'
  | 'stream_paused_ring'
  | 'session_dropped_idle'
  | 'session_outlived'
  | SignalCount;

/** What became of a signal, and questions for a session that prove nothing. */
export type SignalCount =
  | 'signal_taken'
  | 'signal_stale'
  | 'signal_expired'
  | 'signal_foreign'
  | 'signal_refused'
  | 'signal_oversize'
  | 'signal_malformed'
  | 'signal_unknown_subject'
  | 'signal_unknown_kid'
  | 'signal_bad_mac'
  | 'locate_refused';

/** A turn whose end is fixed. Times are those of the host's clock; absent: it did not come to that. */
export type EndedTurn = {
  readonly turnId: string;
  /** Of the `Start` (W3C); empty without a trace. */
  readonly traceparent: string;
  readonly status: TurnStatus;
  readonly code: string | undefined;
  readonly submittedMs: number;
  readonly startedMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  readonly endedMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Tokens that other engines made, forced here. */
  readonly startOffset: number;
  readonly generatedOffset: number;
};

export interface HostObserver {
  count(event: HostCount): void;
  turnEnded(turn: EndedTurn): void;
}

export type EngineIdentity = {
  /** 26 base32 characters. */
  readonly engineId: string;
  readonly region: string;
  /** The claim's epoch; a higher one seen anywhere fences this host (PROTOCOL E8). */
  readonly replicaEpoch: number;
};

export type EngineHostOptions = {
  readonly driver: EngineDriver;
  readonly clock: Clock;
  readonly identity: EngineIdentity;
  readonly observer?: HostObserver;
  /** Where a fault test stops or kills the process. */
  readonly failpoint?: Failpoint;
  /** Tokens kept per turn; tests use a small ring. Default `limits.ringTokens`. */
  readonly ringTokens?: number;
};
