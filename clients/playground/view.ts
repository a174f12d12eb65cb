/** State → page. Everything that a person can do goes out through {@link ViewEvents}. */
import { runningTurn, type PlaygroundState, type Turn } from './playground-state.ts';
import { graphPath, graphTop } from './speed-graph.ts';
import { movedTo, rate } from './speed.ts';
import { TurnView } from './turn-view.ts';
import { count, meanRate, statusWords } from './words.ts';

export type ViewEvents = {
  /** True when the prompt was taken. */
  readonly onPrompt: (prompt: string) => boolean;
  readonly onStop: () => void;
  readonly onKill: () => void;
};

const NOTHING = '–';
/** Whoever has scrolled further up reads something, and is left there. */
const NEAR_END_PX = 80;

export class View {
  readonly #page: Document;
  readonly #events: ViewEvents;
  readonly #turns: TurnView[] = [];
  readonly #prompt: HTMLTextAreaElement;
  readonly #models: HTMLSelectElement;
  readonly #log: HTMLElement;
  #shownModels: readonly string[] = [];

  constructor(page: Document, events: ViewEvents) {
    this.#page = page;
    this.#events = events;
    this.#prompt = this.#find('prompt', HTMLTextAreaElement);
    this.#models = this.#find('model', HTMLSelectElement);
    this.#log = this.#find('log', HTMLElement);
    this.#find('form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#find('stop', HTMLButtonElement).addEventListener('click', () => events.onStop());
    this.#find('kill', HTMLButtonElement).addEventListener('click', () => events.onKill());
    page.addEventListener('keydown', (event) => this.#key(event));
    this.#prompt.focus();
  }

  /** Of the next turn. */
  get model(): string {
    return this.#models.value;
  }

  /** True while the picture changes by itself. */
  show(state: PlaygroundState, nowMs: number): boolean {
    this.#showLink(state);
    this.#showServed(state);
    this.#showModels(state.models);
    this.#showTurns(state.turns);
    this.#showSpeed(state, nowMs);
    this.#showReceipt(state.turns);
    this.#say('status', statusWords(state));
    return movedTo(state.speed, nowMs).bins.some((tokens) => tokens > 0);
  }

  #submit(): void {
    const prompt = this.#prompt.value.trim();
    if (prompt !== '' && this.#events.onPrompt(prompt)) this.#prompt.value = '';
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.#events.onStop();
    const isSend = event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.target === this.#prompt;
    if (!isSend) return;
    event.preventDefault();
    this.#submit();
  }

  #showLink({ link, turns }: PlaygroundState): void {
    this.#find('link', HTMLElement).dataset['link'] = link;
    this.#say('link-word', link);
    const isRunning = turns.some(({ ending }) => ending === undefined);
    this.#find('stop', HTMLButtonElement).disabled = !isRunning;
    this.#find('kill', HTMLButtonElement).disabled = link !== 'open';
    const send = this.#find('send', HTMLButtonElement);
    send.disabled = link !== 'open';
    send.firstChild?.replaceWith(isRunning ? 'Redirect ' : 'Send ');
  }

  #showServed({ served }: PlaygroundState): void {
    if (served === undefined) return;
    this.#say('served-model', served.model);
    this.#say('served-tier', served.tier);
    this.#say('served-region', served.region);
    this.#say('served-engine', served.engine);
    this.#say('served-epoch', String(served.epoch));
  }

  #showModels(models: readonly string[]): void {
    if (models.join('\n') === this.#shownModels.join('\n')) return;
    const chosen = this.#models.value;
    this.#shownModels = models;
    this.#models.replaceChildren(...models.map((name) => new Option(name, name, false, name === chosen)));
    this.#find('model-label', HTMLElement).hidden = models.length < 2;
  }

  #showTurns(turns: readonly Turn[]): void {
    this.#find('welcome', HTMLElement).hidden = turns.length > 0;
    const log = this.#log;
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
    for (const [index, turn] of turns.entries()) {
      const known = this.#turns[index] ?? new TurnView(this.#page, turn.prompt);
      if (this.#turns[index] === undefined) log.append(known.element);
      this.#turns[index] = known;
      known.show(turn);
    }
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  #showSpeed(state: PlaygroundState, nowMs: number): void {
    const { bins } = movedTo(state.speed, nowMs);
    const top = graphTop(bins);
    const line = graphPath(bins, top);
    this.#find('graph-line', SVGPathElement).setAttribute('d', line);
    this.#find('graph-area', SVGPathElement).setAttribute('d', `${line} L100 40 L0 40 Z`);
    this.#say('graph-top', `top ${count(top)}`);
    const told = runningTurn(state) ?? state.turns.at(-1);
    const firstMs = told?.firstTokenMs;
    if (told === undefined || firstMs === undefined) {
      for (const id of ['first-token', 'tokens', 'mean']) this.#say(id, NOTHING);
      this.#say('rate', '0');
      return;
    }
    const mean = meanRate(told);
    const isRunning = told.ending === undefined;
    this.#say('rate', count(isRunning ? rate(state.speed, nowMs, told.askedMs + firstMs) : (mean ?? 0)));
    this.#say('first-token', `${firstMs.toFixed(firstMs < 10 ? 1 : 0)} ms`);
    this.#say('tokens', count(told.offset));
    this.#say('mean', mean === undefined ? NOTHING : `${count(mean)} tokens/s`);
  }

  #showReceipt(turns: readonly Turn[]): void {
    const receipt = turns.findLast((turn) => turn.receipt !== undefined)?.receipt;
    this.#find('receipt', HTMLElement).hidden = receipt === undefined;
    if (receipt === undefined) return;
    this.#say('receipt-effective', count(receipt.effective_offset));
    this.#say('receipt-generated', count(receipt.generated_offset));
    this.#say('receipt-delivered', count(receipt.delivered_offset));
    this.#say('receipt-wasted', count(receipt.wasted_tokens));
    const kept = `${count(receipt.kv_kept_tokens)} tokens kept`;
    this.#say('receipt-kv', `${receipt.kv_action.replaceAll(/[-_]/g, ' ')}; ${kept}`);
  }

  /** Only what has changed is written: a live region repeats what is written anew. */
  #say(id: string, text: string): void {
    const element = this.#find(id, HTMLElement);
    if (element.textContent !== text) element.textContent = text;
  }

  #find<Wanted extends Element>(id: string, kind: abstract new () => Wanted): Wanted {
    const element = this.#page.getElementById(id);
    if (element instanceof kind) return element;
    throw new Error(`the page has no ${id}`);
  }
}
