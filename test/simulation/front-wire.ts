/** The gateway's side of a client's connection: a codec without bytes, with the edge's rules about order and ends. */
import { isReticleError, ReticleError, tiers } from '@reticle/core/domain';
import type { ClientCommand, ServerEvent } from '@reticle/services/session';
import type { Attachment, Caller, ClientSink, TokenRun } from '@reticle/services/stream';
import type { Call, Frame, FromGateway, ToGateway, WireError } from './front-messages.ts';
import type { FrontWatch } from './front-watch.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { End, EndHandlers, Network } from './network.ts';

/** A client that is silent this long is gone: the server's keepalive. */
const SILENCE_MS = 10_000;
const EVENT_BYTES = 120;

export type FrontOptions = {
  readonly network: Network;
  readonly gateway: GatewayProcess;
  readonly address: string;
  readonly watch: FrontWatch;
};

export function listenForClients({ network, gateway, address, watch }: FrontOptions): void {
  network.listen(gateway.process, address, (end) => new FrontConnection(end, gateway, watch).handlers);
}

class FrontConnection {
  readonly handlers: EndHandlers;
  readonly #end: End;
  readonly #gateway: GatewayProcess;
  readonly #watch: FrontWatch;
  #attachment: Pick<Attachment, 'drained' | 'disconnected' | 'command' | 'halfClose'> | undefined;
  #waiting: (ClientCommand | 'half-close')[] = [];
  #sessionId = '';
  #over = false;
  #cancelSilence: () => void = () => {};

  constructor(end: End, gateway: GatewayProcess, watch: FrontWatch) {
    this.#end = end;
    this.#gateway = gateway;
    this.#watch = watch;
    this.#heard();
    this.handlers = {
      data: (value) => {
        this.#heard();
        this.#message(value as ToGateway);
      },
      closed: () => this.#gone(),
      writable: () => this.#attachment?.drained(),
    };
  }

  #heard(): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#gateway.process.clock.after(SILENCE_MS, () => {
      this.#end.close();
      this.#gone();
    });
  }

  #message(message: ToGateway): void {
    if (this.#over) return;
    switch (message.kind) {
      case 'call':
        this.#answer(this.#call(callerOf(message.tenant), message.call), message.call);
        return;
      case 'attach':
        this.#opens(this.#gateway.sessions.attach(callerOf(message.tenant), message.request, this.#sink()));
        return;
      case 'replay':
        this.#sessionId = message.request.sessionId ?? '';
        this.#opens(
          this.#gateway.sessions
            .replayTurn(callerOf(message.tenant), message.request, this.#sink())
            .then((observer) => ({
              drained: () => observer.drained(),
              disconnected: () => observer.close(),
              command: () => {},
              halfClose: () => {},
            })),
        );
        return;
      case 'command':
        if (this.#attachment === undefined) this.#waiting.push(message.command);
        else this.#attachment.command(message.command);
        return;
      case 'half-close':
        if (this.#attachment === undefined) this.#waiting.push('half-close');
        else this.#attachment.halfClose();
        return;
      default:
        this.#send({ kind: 'pong' }, 8);
    }
  }

  #call(caller: Caller, call: Call): Promise<unknown> {
    const { sessions } = this.#gateway;
    switch (call.method) {
      case 'create':
        return sessions.createSession(caller, call.request);
      case 'warm':
        return sessions.warmSession(caller, call.request);
      case 'signal':
        return sessions.signalTurn(caller, call.request);
      default:
        return sessions.closeSession(caller, call.sessionId);
    }
  }

  #answer(answer: Promise<unknown>, call: Call): void {
    answer.then(
      (value) => {
        if (call.method === 'create') {
          const { session } = value as { session: { sessionId: string } };
          this.#watch.heldAt(this.#gateway, session.sessionId);
        }
        if (call.method === 'signal') this.#watch.answered(this.#gateway, call.request.sessionId ?? '', value);
        this.#send({ kind: 'answer', value: structuredClone(value) }, EVENT_BYTES);
        this.#finish();
      },
      (error: unknown) => this.#finish(error),
    );
  }

  #opens(opening: Promise<Pick<Attachment, 'drained' | 'disconnected' | 'command' | 'halfClose'>>): void {
    opening.then(
      (attachment) => {
        if (this.#over) {
          attachment.disconnected();
          return;
        }
        this.#attachment = attachment;
        for (const command of this.#waiting.splice(0)) {
          if (command === 'half-close') attachment.halfClose();
          else attachment.command(command);
        }
        if (this.#end.writable) attachment.drained();
      },
      (error: unknown) => this.#finish(error),
    );
  }

  #sink(): ClientSink {
    const isOver = (): boolean => this.#over;
    return {
      get ended() {
        return isOver();
      },
      event: (event) => {
        if (event.kind === 'attached') this.#sessionId = event.session.sessionId;
        this.#event(event);
      },
      tokens: (run) => {
        const frame = frameOf(run);
        this.#watch.released(this.#gateway, this.#sessionId, frame);
        this.#send({ kind: 'tokens', frame }, 24 + frame.text.length + frame.tokenCount * 4);
        return this.#end.writable;
      },
      end: (error) => this.#finish(error),
    };
  }

  #event(event: ServerEvent): void {
    if (this.#over) return;
    this.#watch.told(this.#gateway, this.#sessionId, event);
    this.#send({ kind: 'event', event: structuredClone(event) }, EVENT_BYTES);
  }

  #finish(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelSilence();
    this.#end.send({
      bytes: EVENT_BYTES,
      value: { kind: 'end', ...(error === undefined ? {} : { error: wireError(error, this.#gateway) }) },
    });
    this.#end.close();
  }

  #gone(): void {
    this.#cancelSilence();
    if (this.#over) return;
    this.#over = true;
    this.#attachment?.disconnected();
  }

  #send(message: FromGateway, bytes: number): void {
    this.#end.send({ bytes, value: message });
  }
}

function callerOf(tenant: string): Caller {
  return { tenant, keyId: `key-${tenant}`, models: [], tiers, defaultTier: 'ultrafast' };
}

/** Anything that is no `ReticleError` must not reach a client: a defect, not an answer. */
function wireError(error: unknown, { process }: GatewayProcess): WireError {
  if (!isReticleError(error)) process.world.defect(`${process.name} refused a client`, error);
  const { code, message, retryAfterMs } = isReticleError(error)
    ? error
    : new ReticleError('internal', 'internal error');
  return { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function frameOf(run: TokenRun): Frame {
  const { turnId, firstOffset, tokenCount, itemIndex, idsAt, textStart, textEnds, textEndsAt } = run;
  const ends = textEnds.subarray(textEndsAt, textEndsAt + tokenCount);
  return {
    turnId,
    firstOffset,
    tokenCount,
    itemIndex,
    ids: run.ids.slice(idsAt, idsAt + tokenCount),
    lengths: ends.map((end, index) => end - (ends[index - 1] ?? textStart)),
    text: run.text.slice(textStart, ends.at(-1)),
  };
}
