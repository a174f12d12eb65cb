/** What client and gateway say to each other: the values of services/session, copied as a wire would copy them. */
import type { ErrorCode } from '@reticle/proto/contract';
import type { Attach, ClientCommand, Interrupt, Redirect, ServerEvent } from '@reticle/services/session';
import type { CreateSession, ReplayTurn, WarmSession } from '@reticle/services/stream';

export type Target = { readonly sessionId?: string; readonly resumeToken?: string };

export type Call =
  | { readonly method: 'create'; readonly request: CreateSession }
  | { readonly method: 'warm'; readonly request: WarmSession }
  | { readonly method: 'signal'; readonly request: Target & { readonly signal: Interrupt | Redirect } }
  | { readonly method: 'close'; readonly sessionId: string };

export type ToGateway =
  | { readonly kind: 'call'; readonly tenant: string; readonly call: Call }
  | { readonly kind: 'attach'; readonly tenant: string; readonly request: Attach }
  | { readonly kind: 'replay'; readonly tenant: string; readonly request: ReplayTurn }
  | { readonly kind: 'command'; readonly command: ClientCommand }
  | { readonly kind: 'half-close' }
  /** HTTP/2's own, answered by the runtime. */
  | { readonly kind: 'ping' };

export type Frame = {
  readonly turnId: string;
  readonly firstOffset: number;
  readonly tokenCount: number;
  readonly itemIndex: number;
  readonly ids: Uint32Array;
  readonly lengths: Uint32Array;
  readonly text: Uint8Array;
};

export type WireError = { readonly code: ErrorCode; readonly message: string; readonly retryAfterMs?: number };

export type FromGateway =
  | { readonly kind: 'answer'; readonly value: unknown }
  | { readonly kind: 'event'; readonly event: ServerEvent }
  | { readonly kind: 'tokens'; readonly frame: Frame }
  /** The stream or call is over; with an error unless it went well. */
  | { readonly kind: 'end'; readonly error?: WireError }
  | { readonly kind: 'pong' };
