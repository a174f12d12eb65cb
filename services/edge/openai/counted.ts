import { toolsItem } from '@reticle/services/session';
import { countedItems } from '../count-ahead.ts';
import { STEP_CHARACTERS } from '../loop-turns.ts';
import type { CreateResponse } from './create-response.ts';

/** A request with the tokens of its items and tools; a short one as it is, at once. */
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
