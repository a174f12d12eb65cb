/**
 * Text that scrolls, with two lines kept under it: a status and the prompt. The output is a function of what is on
 * the screen already, so that it can be tested as text.
 *
 * The text's last line may be unfinished; it is painted again with the footer, which is why it is kept.
 */
export type Screen = {
  readonly columns: number;
  /** Last, unfinished line of the text. */
  readonly tail: string;
  /** Rows of tail and footer above the cursor, which stands at the footer's end. */
  readonly rowsAbove: number;
};

export type Footer = { readonly status: string; readonly prompt: string; readonly cursor: number };
export type Painted = { readonly screen: Screen; readonly output: string };

const PROMPT = '› ';

export function newScreen(columns: number): Screen {
  return { columns: Math.max(20, columns), tail: '', rowsAbove: 0 };
}

/** Appends text and paints the footer under it. */
export function paint(screen: Screen, text: string, footer: Footer): Painted {
  const { columns } = screen;
  const shown = screen.tail + printable(text);
  const tail = shown.slice(shown.lastIndexOf('\n') + 1);
  const prompt = promptView(footer, columns);
  const status = Array.from(footer.status)
    .slice(0, columns - 1)
    .join('');
  const rowsAbove = rows(tail, columns) + 1;
  return {
    screen: { columns, tail, rowsAbove },
    output: `${erase(screen)}${shown}\r\n\u001B[2m${status}\u001B[0m\r\n${prompt.text}${backTo(prompt)}`.replace(
      /(?<!\r)\n/g,
      '\r\n',
    ),
  };
}

/** Takes the footer away and leaves the text finished: the last thing before the terminal is given back. */
export function leave(screen: Screen): string {
  return `${erase(screen)}${screen.tail}\r\n`;
}

function erase({ rowsAbove }: Screen): string {
  return `\r${rowsAbove > 0 ? `\u001B[${rowsAbove}A` : ''}\u001B[J`;
}

/** Rows that a text without line breaks takes; an empty one takes one. */
function rows(text: string, columns: number): number {
  return Math.max(1, Math.ceil(Array.from(text).length / columns));
}

/** The part of the line around its cursor that fits one row. */
function promptView({ prompt, cursor }: Footer, columns: number): { readonly text: string; readonly behind: number } {
  const room = columns - PROMPT.length - 1;
  const points = Array.from(prompt);
  const from = Math.max(0, cursor - room);
  const visible = points.slice(from, from + room);
  return { text: PROMPT + visible.join(''), behind: from + visible.length - cursor };
}

function backTo({ behind }: { readonly behind: number }): string {
  return behind > 0 ? `\u001B[${behind}D` : '';
}

/** A model's text must not steer the terminal: controls other than line breaks and tabs are dropped. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is removed.
  return text.replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '').replaceAll('\t', '  ');
}
