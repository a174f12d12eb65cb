/** One key press, or text that came at once (typed or pasted). */
export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'enter' | 'escape' | 'backspace' | 'delete' | 'left' | 'right' | 'home' | 'end';
    }
  | { readonly kind: 'interrupt' | 'end-of-input' | 'clear-line' | 'delete-word' };

const SEQUENCES: Readonly<Record<string, Key>> = {
  '\u001B[D': { kind: 'left' },
  '\u001B[C': { kind: 'right' },
  '\u001B[H': { kind: 'home' },
  '\u001B[F': { kind: 'end' },
  '\u001BOH': { kind: 'home' },
  '\u001BOF': { kind: 'end' },
  '\u001B[3~': { kind: 'delete' },
};

const CONTROLS: Readonly<Record<string, Key>> = {
  '\r': { kind: 'enter' },
  '\n': { kind: 'enter' },
  '\u007F': { kind: 'backspace' },
  '\b': { kind: 'backspace' },
  '\u0001': { kind: 'home' },
  '\u0003': { kind: 'interrupt' },
  '\u0004': { kind: 'end-of-input' },
  '\u0005': { kind: 'end' },
  '\u0015': { kind: 'clear-line' },
  '\u0017': { kind: 'delete-word' },
};

/** ESC [ … final byte, ESC O letter, or ESC and one character (Alt). */
// oxlint-disable-next-line no-control-regex -- these sequences are control characters.
const SEQUENCE = /^\u001B(\[[0-9;?]*[ -/]*[@-~]|O[A-Za-z]|[^[O\u001B])/u;
// oxlint-disable-next-line no-control-regex -- as above.
const PRINTABLE = /^[^\u0000-\u001F\u007F]+/u;

/**
 * The keys in what a terminal in raw mode sent at once. A lone ESC is the Escape key: terminals send a sequence in
 * one piece. Sequences without a meaning here are dropped.
 */
export function parseKeys(data: string): readonly Key[] {
  const keys: Key[] = [];
  for (let rest = data; rest !== '';) {
    const text = PRINTABLE.exec(rest)?.[0];
    const sequence = SEQUENCE.exec(rest)?.[0];
    const taken = text ?? sequence ?? rest.slice(0, 1);
    const key: Key | undefined = text === undefined ? keyOf(taken) : { kind: 'text', text };
    if (key !== undefined) keys.push(key);
    rest = rest.slice(taken.length);
  }
  return keys;
}

function keyOf(taken: string): Key | undefined {
  if (taken === '\u001B') return { kind: 'escape' };
  return SEQUENCES[taken] ?? CONTROLS[taken];
}
