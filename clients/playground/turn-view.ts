/** One turn on the page. Its text only grows, so a picture adds to it and does not make it again. */
import type { Item, Mark, Turn } from './playground-state.ts';
import { count, endingWords } from './words.ts';

const TITLES: Readonly<Record<string, string>> = {
  reasoning: 'Reasoning',
  function_call: 'Call',
  custom_tool_call: 'Call',
};

export class TurnView {
  readonly element: HTMLElement;
  readonly #answer: HTMLElement;
  readonly #ending: HTMLElement;
  #shown: Turn | undefined;
  #items: ItemView[] = [];

  constructor(page: Document, prompt: string) {
    this.element = page.createElement('article');
    const asked = page.createElement('p');
    asked.className = 'prompt';
    asked.textContent = prompt;
    this.#answer = page.createElement('div');
    this.#answer.className = 'answer';
    this.#ending = page.createElement('p');
    this.#ending.className = 'ending';
    this.element.append(asked, this.#answer, this.#ending);
  }

  show(turn: Turn): void {
    if (turn === this.#shown) return;
    this.#shown = turn;
    this.#fit(turn.items.length);
    for (const [index, item] of turn.items.entries()) {
      this.#items[index]?.show(
        item,
        turn.marks.filter((mark) => mark.item === index),
      );
    }
    this.element.dataset['ending'] = turn.ending ?? 'running';
    this.#ending.textContent = endingWords(turn);
  }

  #fit(length: number): void {
    for (const extra of this.#items.splice(length)) extra.element.remove();
    while (this.#items.length < length) {
      const view = new ItemView(this.element.ownerDocument);
      this.#items.push(view);
      this.#answer.append(view.element);
    }
  }
}

class ItemView {
  readonly element: HTMLElement;
  readonly #title: HTMLElement;
  readonly #body: HTMLElement;
  #text = '';
  #marks = 0;

  constructor(page: Document) {
    this.element = page.createElement('div');
    this.#title = page.createElement('p');
    this.#title.className = 'title';
    this.#body = page.createElement('pre');
    this.element.append(this.#title, this.#body);
  }

  show({ kind, name, text }: Item, marks: readonly Mark[]): void {
    this.element.dataset['kind'] = kind;
    this.#title.textContent = [TITLES[kind], name].filter(Boolean).join(' ');
    this.#title.hidden = this.#title.textContent === '';
    if (!text.startsWith(this.#text) || marks.length < this.#marks) {
      this.#body.replaceChildren();
      this.#text = '';
      this.#marks = 0;
    }
    for (const mark of marks.slice(this.#marks)) {
      this.#add(text.slice(this.#text.length, mark.at));
      this.#body.append(this.#seam(mark));
    }
    this.#marks = marks.length;
    this.#add(text.slice(this.#text.length));
  }

  #add(more: string): void {
    this.#text += more;
    const last = this.#body.lastChild;
    if (more === '') return;
    if (last instanceof Text) last.appendData(more);
    else this.#body.append(more);
  }

  #seam({ offset }: Mark): HTMLElement {
    const seam = this.element.ownerDocument.createElement('span');
    seam.className = 'seam';
    // Drawn by the style sheet: it is no part of the text that somebody copies.
    seam.dataset['label'] = `resumed at token ${count(offset)}`;
    return seam;
  }
}
