/** What tests send, with the parts that they do not care about filled in. */
import { randomBytes } from 'node:crypto';
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import { EXACT_LENGTH } from './wire.ts';
import type { ConverseRequest__Input, InputItem__Input, Interrupt__Input, StartTurn__Input } from './wire.ts';

/** A message without `seq`, which the client adds. */
export type Command = Omit<ConverseRequest__Input, 'seq'>;

/** 26 base32 characters, as session and signal ids are. */
export function randomId(): string {
  return base32(randomBytes(RANDOM_ID_BYTES));
}

/** A user message with one text. */
export function userItem(text: string): InputItem__Input {
  return { itemJson: JSON.stringify({ role: 'user', content: text }) };
}

/** A turn of exactly `tokens` tokens on one user message. */
export function turnOf(turnId: string, tokens: number, more: StartTurn__Input = {}): StartTurn__Input {
  return {
    turnId,
    input: [userItem(`speak as ${turnId}`)],
    maxOutputTokens: tokens,
    params: { outputLength: EXACT_LENGTH },
    ...more,
  };
}

export function start(turn: StartTurn__Input): Command {
  return { startTurn: turn };
}

export function interrupt(turnId: string, more: Interrupt__Input = {}): Command {
  return { interrupt: { turnId, ...more } };
}

export function redirect(cut: Interrupt__Input, successor: StartTurn__Input): Command {
  return { redirect: { cut, successor } };
}

export function flow(turnId: string, receivedThroughOffset: number, creditTokens: number): Command {
  return { flow: { turnId, receivedThroughOffset, creditTokens } };
}
