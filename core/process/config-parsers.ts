import { resolve } from 'node:path';

/** What a parser makes of a raw text: a value, or what was expected (without echoing the text). */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** Turns a raw text into a value. `form` is the expectation in words, for messages and the reference page. */
export type Parser<T> = { readonly form: string; readonly parse: (text: string) => Parsed<T> };

/** Inclusive ends. */
export type Bounds = { readonly min: number; readonly max: number };

/** Milliseconds per unit of a duration. */
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const INTEGER = /^-?\d{1,16}$/;
const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):(\d{1,5})$/;
const PORT_MAX = 65_535;

function bounded(value: number, bounds: Bounds, unit: string): Parsed<number> {
  if (value >= bounds.min && value <= bounds.max) return { value };
  return { problem: `${value}${unit} is outside ${bounds.min}${unit} to ${bounds.max}${unit}` };
}

/** A decimal integer within inclusive bounds; no exponent, no fraction, no sign but a minus. */
export function integer(bounds: Bounds): Parser<number> {
  const form = `an integer from ${bounds.min} to ${bounds.max}`;
  return {
    form,
    parse: (text) => (INTEGER.test(text) ? bounded(Number(text), bounds, '') : { problem: `expected ${form}` }),
  };
}

/** A number with a unit (`250ms`, `1.5s`, `2m`, `12h`), given in milliseconds; so are the bounds. */
export function duration(bounds: Bounds): Parser<number> {
  const form = `a duration such as 250ms, 1.5s, 2m or 12h, from ${bounds.min}ms to ${bounds.max}ms`;
  return {
    form,
    parse: (text) => {
      const match = DURATION.exec(text);
      if (match === null) return { problem: `expected ${form}` };
      const [, amount = '', unit = ''] = match;
      return bounded(Number(amount) * (DURATION_UNITS[unit] ?? Number.NaN), bounds, 'ms');
    },
  };
}

/** Where to listen or connect. The host of a bracketed IPv6 address has no brackets. */
export type HostPort = { readonly host: string; readonly port: number };

/** `host:port` or `[ipv6]:port`; port 0 lets the system choose where that makes sense. */
export function hostPort(): Parser<HostPort> {
  const problem = 'expected host:port, as in 127.0.0.1:8080 or [::1]:8080';
  return {
    form: 'host:port',
    parse: (text) => {
      const match = HOST_PORT.exec(text);
      if (match === null) return { problem };
      const port = Number(match[3]);
      if (port > PORT_MAX) return { problem: `port ${port} is above ${PORT_MAX}` };
      return { value: { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port } };
    },
  };
}

/** One word of a closed set. */
export function oneOf<const T extends string>(words: readonly T[]): Parser<T> {
  const form = `one of ${words.join(', ')}`;
  return {
    form,
    parse: (text) => {
      const value = words.find((word) => word === text);
      return value === undefined ? { problem: `expected ${form}` } : { value };
    },
  };
}

/** `true` or `false`. */
export function flag(): Parser<boolean> {
  const words = oneOf(['true', 'false']);
  return {
    form: words.form,
    parse: (text) => {
      const parsed = words.parse(text);
      return 'problem' in parsed ? parsed : { value: parsed.value === 'true' };
    },
  };
}

/** A path, made absolute against `baseFolder` (default: the working folder). Whether it exists is not checked. */
export function path(baseFolder = '.'): Parser<string> {
  return {
    form: 'a path',
    parse: (text) => (text.includes('\0') ? { problem: 'expected a path' } : { value: resolve(baseFolder, text) }),
  };
}

/** Text that matches the whole of a pattern; `form` says in words what the pattern wants. */
export function text(form: string, pattern = /^[^\p{Cc}]{1,1024}$/u): Parser<string> {
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''));
  return { form, parse: (raw) => (whole.test(raw) ? { value: raw } : { problem: `expected ${form}` }) };
}

/** Comma-separated items, each by `item`; blanks around items are dropped, an empty item is a problem. */
export function list<T>(item: Parser<T>, countMax: number): Parser<readonly T[]> {
  return {
    form: `up to ${countMax}, comma-separated: ${item.form}`,
    parse: (raw) => {
      const parts = raw.split(',').map((part) => part.trim());
      if (parts.length > countMax) return { problem: `${parts.length} items are more than ${countMax}` };
      const values: T[] = [];
      for (const [index, part] of parts.entries()) {
        const parsed: Parsed<T> = part === '' ? { problem: 'empty' } : item.parse(part);
        if ('problem' in parsed) return { problem: `item ${index + 1}: ${parsed.problem}` };
        values.push(parsed.value);
      }
      return { value: values };
    },
  };
}
