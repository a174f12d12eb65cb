import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { leave, newScreen, paint, printable, type Screen } from './screen.ts';

/** A terminal of our own: rows of cells, a cursor, and the few sequences that the screen uses. */
class Emulator {
  readonly rows: string[] = [''];
  row = 0;
  column = 0;
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
  }

  write(output: string): void {
    // oxlint-disable-next-line no-control-regex -- the sequences of the screen under test.
    for (const [part] of output.matchAll(/\u001B\[(\d*)([A-Za-z])|[^\u001B]/gu)) this.#apply(part);
  }

  #apply(part: string): void {
    if (part.length > 1 && part.startsWith('\u001B'))
      this.#control(part.at(-1) ?? '', Number(/\d+/.exec(part)?.[0] ?? 1));
    else if (part === '\r') this.column = 0;
    else if (part === '\n') this.#down();
    else this.#put(part);
  }

  #control(final: string, count: number): void {
    if (final === 'J') this.#eraseBelow();
    else if (final === 'A') this.row = Math.max(0, this.row - count);
    else if (final === 'D') this.column -= count;
  }

  #eraseBelow(): void {
    this.rows.length = this.row + 1;
    this.rows[this.row] = (this.rows[this.row] ?? '').slice(0, this.column);
  }

  #down(): void {
    this.row++;
    this.rows[this.row] ??= '';
  }

  #put(cell: string): void {
    if (this.column === this.#columns) {
      this.column = 0;
      this.#down();
    }
    const line = (this.rows[this.row] ?? '').padEnd(this.column);
    this.rows[this.row] = line.slice(0, this.column) + cell + line.slice(this.column + 1);
    this.column++;
  }
}

function shown(columns: number, texts: readonly string[], footer = { status: 'status', prompt: 'ab', cursor: 2 }) {
  const terminal = new Emulator(columns);
  let screen: Screen = newScreen(columns);
  for (const text of texts) {
    const painted = paint(screen, text, footer);
    ({ screen } = painted);
    terminal.write(painted.output);
  }
  return { terminal, screen };
}

/** What a terminal shows of a text: its lines, wrapped. */
function wrapped(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']);
}

describe('paint', () => {
  test('keeps status and prompt under the text, and the cursor in the prompt', () => {
    const { terminal } = shown(40, ['one\ntw', 'o', '\nthree'], { status: 's', prompt: 'abc', cursor: 1 });
    expect(terminal.rows).toEqual(['one', 'two', 'three', 's', '› abc']);
    expect([terminal.row, terminal.column]).toEqual([4, 3]);
  });

  test('shows every text whole however it comes in pieces and wraps', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n'), maxLength: 70 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 20, max: 40 }), (texts, columns) => {
        const { terminal } = shown(columns, ['', ...texts]);
        expect(terminal.rows).toEqual([...wrapped(texts.join(''), columns), 'status', '› ab']);
      }),
    );
  });

  test('cuts a status that is too long and scrolls a prompt that is', () => {
    const { terminal } = shown(20, ['x'], { status: 's'.repeat(50), prompt: `${'p'.repeat(30)}END`, cursor: 33 });
    expect(terminal.rows).toEqual(['x', 's'.repeat(19), `› ${'p'.repeat(14)}END`]);
  });

  test('leaves the text alone at the end', () => {
    const { terminal, screen } = shown(40, ['one\ntwo']);
    terminal.write(leave(screen));
    expect(terminal.rows).toEqual(['one', 'two', '']);
  });
});

describe('printable', () => {
  test('lets no text steer the terminal', () => {
    expect(printable('a\u001B[2Jb\u0007\u009B1mc\td\ne')).toBe('a[2Jb1mc  d\ne');
  });
});
