/** A client on a scripted gateway, and the messages that tests need again and again. */
import type { Clock } from '@reticle/core/flow';
import type { ControlAck__Input } from '@reticle/proto/gen/session/v1/ControlAck';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import type { ConverseRequest } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import { KvAction } from '@reticle/proto/gen/session/v1/KvAction';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import { FAKE_MODEL, FakeGateway, type FakeStream } from './fake-gateway.ts';
import { connect, isReticleError, type ReticleClient, type Session, type SessionOptions, type Turn } from './index.ts';

export const API_KEY = 'rtk_test';

type OnStream = { readonly session: Session; readonly stream: FakeStream };

export class ClientKit implements AsyncDisposable {
  /** The first gateway, where sessions are created. */
  readonly gateway: FakeGateway;
  readonly gateways: readonly FakeGateway[];
  readonly client: ReticleClient;

  constructor(gateways: readonly [FakeGateway, ...FakeGateway[]], clock?: Clock) {
    [this.gateway] = gateways;
    this.gateways = gateways;
    // No jitter: a lost stream is attached again at once.
    const random = { unit: () => 0, bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
    const target = gateways.map((gateway) => gateway.target);
    const ports = clock === undefined ? { random } : { random, clock };
    this.client = connect({ target, apiKey: API_KEY, model: FAKE_MODEL, ...ports });
  }

  static async start(): Promise<ClientKit> {
    return new ClientKit([await FakeGateway.start()]);
  }

  /** A client of two gateways; the second one is `other`. */
  static async pair(clock?: Clock): Promise<{ readonly kit: ClientKit; readonly other: FakeGateway }> {
    const [first, other] = await Promise.all([FakeGateway.start(), FakeGateway.start()]);
    return { kit: new ClientKit([first, other], clock), other };
  }

  async attached(options: SessionOptions = {}): Promise<OnStream> {
    const opening = this.client.createSession(options);
    const stream = await this.gateway.streams.take();
    await stream.attach();
    return { session: await opening, stream };
  }

  /** Starts a turn and lets the service announce it. */
  async started(
    options: SessionOptions = {},
  ): Promise<OnStream & { readonly turn: Turn; readonly start: ConverseRequest }> {
    const { session, stream } = await this.attached(options);
    const turn = session.turn('go');
    const start = await stream.received.take();
    stream.send({
      turnStarted: { turnId: turn.turnId, promptTokens: 20, cachedTokens: 15, resumeToken: 'token-turn' },
    });
    return { session, stream, turn, start };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await Promise.all(this.gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
  }
}

/** Texts of tokens from an offset on: a, b, c … */
export function letters(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => String.fromCodePoint(97 + ((from + index) % 26)));
}

/** The code that a promise is refused with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isReticleError(error) ? error.code : `not ours: ${String(error)}`;
  }
  return 'no error';
}

export function completed(turnId: string, endOffset: number): ConverseResponse__Input {
  return { turnEnded: { turnId, endOffset, status: TurnStatus.TURN_STATUS_COMPLETED, finishReason: 'stop' } };
}

type Cut = {
  readonly turnId: string;
  readonly signalId: string;
  readonly effective: number;
  readonly generated: number;
};

/** The ack of a cut that was applied. */
export function applied({ turnId, signalId, effective, generated }: Cut): { readonly controlAck: ControlAck__Input } {
  return {
    controlAck: {
      turnId,
      signalId,
      outcome: ControlOutcome.CONTROL_OUTCOME_APPLIED,
      effectiveOffset: effective,
      generatedOffset: generated,
      deliveredOffset: generated,
      wastedTokens: generated - effective,
      kvAction: KvAction.KV_ACTION_CUT_IN_PLACE,
      kvKeptTokens: 20 + effective,
    },
  };
}
