/** Turns at the end of a conversation of a given length, continued by its id or sent again in full. */
import { countTokens } from '@reticle/core/domain/tokens';
import { BENCH_MODEL } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { freshSsePort, ssePort, webSocketPort, type TurnPort } from '../rig/turn-ports.ts';

/**
 * `session`: a WebSocket that is kept, and the id of the response before. The others are HTTP: on a kept connection with
 * the id, on a kept one with everything, and on a connection for each turn with everything.
 */
export type ContextWay = 'session' | 'kept-id' | 'kept-full' | 'fresh-full';

export type ContextOrder = {
  readonly way: ContextWay;
  /** `host:port`. */
  readonly address: string;
  readonly tls: boolean;
  readonly apiKey: string;
  /** Of the conversation before the first measured turn. */
  readonly contextTokens: number;
  /** Makes this conversation another one than all before. */
  readonly salt: string;
};

export type TurnsOrder = {
  readonly turns: number;
  /** No turn begins after this. */
  readonly secondsMax: number;
};

export type ContextReport = {
  /** Send to end of each turn; a connection of its own is part of it. */
  readonly turnMicros: readonly number[];
  /** Of the last turn's request, without HTTP's head. */
  readonly requestBytes: number;
};

const OUTPUT_TOKENS = 1;

type Message = { readonly type: 'message'; readonly role: 'user' | 'assistant'; readonly content: string };

const message = (role: Message['role'], content: string): Message => ({ type: 'message', role, content });

/** Words of an ordinary text until there are so many tokens of them. */
function textOf(tokens: number, salt: string): string {
  const sentence = (index: number): string => `Value ${index} of ${salt} is kept in row ${index * 7}. `;
  const perSentence = countTokens(sentence(1_000));
  return Array.from({ length: Math.ceil(tokens / perSentence) }, (_, index) => sentence(index)).join('');
}

function open({ way, ...options }: ContextOrder): Promise<TurnPort> {
  if (way === 'session') return webSocketPort(options);
  return way === 'fresh-full' ? Promise.resolve(freshSsePort(options)) : ssePort(options);
}

class Conversation {
  readonly #port: TurnPort;
  readonly #byId: boolean;
  readonly #history: Message[];
  #previous: string | undefined;
  #turns = 0;
  #requestBytes = 0;

  private constructor(port: TurnPort, { way, contextTokens, salt }: ContextOrder) {
    this.#port = port;
    this.#byId = way === 'session' || way === 'kept-id';
    this.#history = [message('user', textOf(contextTokens, salt))];
  }

  /** Its first turn brings the context. */
  static async begin(order: ContextOrder): Promise<Conversation> {
    const conversation = new Conversation(await open(order), order);
    await conversation.#turn();
    return conversation;
  }

  async go({ turns, secondsMax }: TurnsOrder): Promise<ContextReport> {
    const untilMicros = monotonicMicros() + secondsMax * 1e6;
    const turnMicros: number[] = [];
    while (turnMicros.length < turns && monotonicMicros() < untilMicros) turnMicros.push(await this.#turn());
    this.#port.close();
    return { turnMicros, requestBytes: this.#requestBytes };
  }

  /** Send to end, µs. */
  async #turn(): Promise<number> {
    const asked = message('user', `Which value is in row ${String((this.#turns += 1)).padStart(4, '0')}?`);
    const isKnown = this.#byId && this.#previous !== undefined;
    const known = isKnown
      ? { input: [asked], previous_response_id: this.#previous }
      : { input: [...this.#history, asked] };
    const body = { model: BENCH_MODEL, max_output_tokens: OUTPUT_TOKENS, ...known };
    const { sentMicros, endMicros, responseId, text } = await this.#port.turn(body);
    this.#requestBytes = Buffer.byteLength(JSON.stringify(body));
    this.#previous = responseId;
    this.#history.push(asked, message('assistant', text));
    return endMicros - sentMicros;
  }
}

let conversation: Conversation | undefined;

const calls = {
  /** Resolves when the conversation has its length. */
  async begin(order: ContextOrder): Promise<void> {
    conversation = await Conversation.begin(order);
  },
  /** Turns at its end; the connection is closed behind them. */
  go(order: TurnsOrder): Promise<ContextReport> {
    if (conversation === undefined) throw new Error('nothing has begun');
    return conversation.go(order);
  },
};

export type ContextClientCalls = typeof calls;
serveCalls(calls);
