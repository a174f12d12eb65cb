/** The answers of a session's controls, for repeats and for records: the most recently used ones (PROTOCOL S5). */
import { KeyedDedup } from '@reticle/core/flow';

export class ControlAnswers<Answer extends object> extends KeyedDedup<string, Answer> {
  /** Keys are `<turn id> <signal id>`; ids hold no space. Pushed-out keys go at the next `of`. */
  readonly #keys = new Set<string>();

  override set(key: string, answer: Answer): void {
    super.set(key, answer);
    this.#keys.add(key);
    if (this.#keys.size > 2 * this.capacity) this.#forget();
  }

  /** Answers of one turn's controls, in the order of their first answer. */
  of(turnId: string): Answer[] {
    this.#forget();
    return [...this.#keys].flatMap((key) => (key.startsWith(`${turnId} `) ? (this.get(key) ?? []) : []));
  }

  #forget(): void {
    for (const key of this.#keys) if (!this.has(key)) this.#keys.delete(key);
  }
}
