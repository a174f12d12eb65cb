/**
 * Counting the tokens of a long request in steps, before the session layer asks for them: there everything happens at
 * once. What cannot be read is left to it, which refuses it by name.
 */
import { isReticleError } from '@reticle/core/domain';
import { readItem, renderItems, TokenCounter, type Item } from '@reticle/core/domain/tokens';
import { toolsItem, type ItemInput } from '@reticle/services/session';
import { loopTurn, STEP_CHARACTERS } from '../loop-turns.ts';
import type { CreateResponse } from './create-response.ts';
import type { Fields } from './json-fields.ts';

/** Resolves at once, and with the same request, for a short one. */
export async function counted(create: CreateResponse): Promise<CreateResponse> {
  if (!isLong(create)) return create;
  const { params } = create;
  const items = await countedItems(create.items);
  if (params.tools === undefined) return { ...create, items };
  const [tools] = await countedItems([toolsItem(params.tools)]);
  const known = tools?.tokens === undefined ? {} : { toolsTokens: tools.tokens };
  return { ...create, items, params: { ...params, ...known } };
}

/** Whether a request is counted in more than one step. */
export function isLong({ items, params }: Pick<CreateResponse, 'items' | 'params'>): boolean {
  return items.reduce((sum, { json }) => sum + json.length, params.tools?.length ?? 0) > STEP_CHARACTERS;
}

export async function countedItems(items: readonly ItemInput[]): Promise<readonly ItemInput[]> {
  const steps = new Steps();
  const told: ItemInput[] = [];
  for (const item of items) told.push({ ...item, ...(await tokensOf(item.json, steps)) });
  return told;
}

/** The item of JSON that was read before, in steps. @throws ReticleError as `readItem` */
export async function itemOf(json: string, steps: Steps): Promise<Item> {
  await steps.take(json.length);
  const fields = JSON.parse(json) as Fields;
  await steps.take(json.length);
  const item = readItem(fields, 'input');
  await steps.take(json.length);
  return item;
}

async function tokensOf(json: string, steps: Steps): Promise<Pick<ItemInput, 'tokens'>> {
  try {
    const counter = new TokenCounter(renderItems([await itemOf(json, steps)]));
    for (; !counter.isDone; await steps.take(STEP_CHARACTERS)) counter.step(STEP_CHARACTERS);
    return { tokens: counter.tokens };
  } catch (error) {
    if (isReticleError(error)) return {};
    throw error;
  }
}

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
