import { monotonicMicros } from './calls.ts';
import { endingOf, isDelta } from './delta-events.ts';

export type TurnTimes = {
  readonly sentMicros: number;
  /** At the first event of any kind. */
  readonly eventMicros: number;
  /** At the first tokens; NaN for a turn without any. */
  readonly firstMicros: number;
  readonly endMicros: number;
  readonly responseId: string;
  readonly text: string;
};

type Ended = {
  readonly response: {
    readonly id: string;
    readonly output: readonly { readonly content?: readonly { readonly text?: string }[] }[];
  };
};

/** The events of one response, looked at for their times. */
export class TurnWatch {
  /** When it was made. */
  readonly sentMicros = monotonicMicros();
  readonly #over = Promise.withResolvers<TurnTimes>();
  #eventMicros = NaN;
  #firstMicros = NaN;

  /** Rejects when the response fails, or is refused. */
  get over(): Promise<TurnTimes> {
    return this.#over.promise;
  }

  event(bytes: Buffer, from: number, to: number): void {
    const micros = monotonicMicros();
    if (Number.isNaN(this.#eventMicros)) this.#eventMicros = micros;
    if (isDelta(bytes, from, to)) {
      if (Number.isNaN(this.#firstMicros)) this.#firstMicros = micros;
      return;
    }
    const json = bytes.toString('utf8', from, to);
    const ending = endingOf(json);
    if (ending === undefined) return;
    if (ending !== 'response.completed' && ending !== 'response.incomplete') {
      this.#over.reject(new Error(ending));
      return;
    }
    const { response } = JSON.parse(json) as Ended;
    const text = response.output.flatMap(({ content = [] }) => content.map((part) => part.text ?? '')).join('');
    const { sentMicros } = this;
    const times = { sentMicros, eventMicros: this.#eventMicros, firstMicros: this.#firstMicros, endMicros: micros };
    this.#over.resolve({ ...times, responseId: response.id, text });
  }

  fail(problem: string): void {
    this.#over.reject(new Error(problem));
  }
}
