/**
 * Counting the tokens of long inputs in steps, before the session layer asks for them: there everything happens at once.
 * What cannot be read is left to it, which refuses it by name.
 */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import {
  hasUnsafeKeys,
  nestsDeeperThan,
  readItem,
  renderItems,
  TokenCounter,
  type Item,
} from '@reticle/core/domain/tokens';
import { limits } from '@reticle/proto/contract';
import type { ItemInput, TurnInput } from '@reticle/services/session';
import { loopTurn, STEP_CHARACTERS } from './loop-turns.ts';

/** Waits for a turn of the loop each time so many characters were worked on. */
export class Steps {
  #left = STEP_CHARACTERS;

  async take(characters: number): Promise<void> {
    this.#left -= characters;
    if (this.#left > 0) return;
    this.#left = STEP_CHARACTERS;
    await loopTurn();
  }
}

/** Whether an input is worth counting in steps. */
export function isLongInput(input: readonly TurnInput[]): boolean {
  return input.reduce((sum, each) => sum + (each.kind === 'item' ? each.json.length : 0), 0) > STEP_CHARACTERS;
}

/** Items whose JSON was written here, with their tokens. */
export async function countedItems(items: readonly ItemInput[]): Promise<readonly ItemInput[]> {
  const steps = new Steps();
  const told: ItemInput[] = [];
  for (const item of items) told.push({ ...item, ...(await tokensOf(steps, () => itemOf(item.json, steps))) });
  return told;
}

/** An input whose JSON came from outside, with the tokens of its items; a short one as it is, at once. */
export async function countedInput(input: readonly TurnInput[]): Promise<readonly TurnInput[]> {
  if (!isLongInput(input)) return input;
  const steps = new Steps();
  const told: TurnInput[] = [];
  for (const each of input) {
    if (each.kind === 'tokens') told.push(each);
    else told.push({ ...each, ...(await tokensOf(steps, () => foreignItem(each.json, steps))) });
  }
  return told;
}

type Fields = Readonly<Record<string, unknown>>;

/** The item of JSON that was written here, in steps. Rejects as `readItem` throws. */
export async function itemOf(json: string, steps: Steps, parse: (json: string) => Fields = JSON.parse): Promise<Item> {
  await steps.take(json.length);
  const fields = parse(json);
  await steps.take(json.length);
  const item = readItem(fields, 'input');
  await steps.take(json.length);
  return item;
}

/** As {@link itemOf}, with what `parseItem` looks for before it reads and after. */
async function foreignItem(json: string, steps: Steps): Promise<Item> {
  if (nestsDeeperThan(json, limits.nestingDepthMax)) throw unreadable();
  const item = await itemOf(json, steps, parsedObject);
  if (hasUnsafeKeys(json)) throw unreadable();
  return item;
}

function parsedObject(json: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw unreadable();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable();
  return value as Fields;
}

/** Nobody hears of it: the session layer says what is wrong. */
function unreadable(): ReticleError {
  return new ReticleError('invalid_json', 'the item cannot be read');
}

async function tokensOf(steps: Steps, read: () => Promise<Item>): Promise<Pick<ItemInput, 'tokens'>> {
  try {
    const counter = new TokenCounter(renderItems([await read()]));
    for (; !counter.isDone; await steps.take(STEP_CHARACTERS)) counter.step(STEP_CHARACTERS);
    return { tokens: counter.tokens };
  } catch (error) {
    if (isReticleError(error)) return {};
    throw error;
  }
}
