/** `instructions` and `input` of a request → items of a turn, and the calls that stand in them. */
import { ReticleError } from '@reticle/core/domain';
import { foreignFields, readItem, type Item } from '@reticle/core/domain/tokens';
import { limits } from '@reticle/proto/contract';
import type { ItemInput } from '@reticle/services/session';
import { invalid, isFields, list, type Fields } from './json-fields.ts';

/** Calls of an input: an output must belong to one, here or in what the input continues (PROMISES §7.2 W14). */
export type InputCalls = {
  readonly made: readonly string[];
  /** Outputs of calls that do not stand before them in the input; `param` names their `call_id`. */
  readonly open: readonly { readonly callId: string; readonly param: string }[];
};

export type RequestInput = {
  readonly items: readonly ItemInput[];
  readonly calls: InputCalls;
  /** Fields that were dropped, as `input.<field>`. */
  readonly ignored: readonly string[];
};

/** @throws ReticleError naming the item and the field that is wrong */
export function decodeInput(fields: Fields): RequestInput {
  const { input } = fields;
  if (typeof input === 'string') return decodeItems([{ type: 'message', role: 'user', content: input }]);
  const items = list(fields, 'input');
  if (items === undefined) {
    throw new ReticleError('missing_required_parameter', 'a required field is missing', { param: 'input' });
  }
  if (items.length > limits.inputItemsMax) {
    const details = { limit: String(limits.inputItemsMax), requested: String(items.length) };
    throw new ReticleError('invalid_request', 'too many input items', { param: 'input', details });
  }
  return decodeItems(items);
}

/** @throws ReticleError `invalid_request` for the output of a call that nobody made */
export function checkCalls({ open }: InputCalls, isKnown: (callId: string) => boolean): void {
  const unknown = open.find(({ callId }) => !isKnown(callId));
  if (unknown !== undefined) throw invalid('no call has this call_id', unknown.param);
}

function decodeItems(values: readonly unknown[]): RequestInput {
  const items: ItemInput[] = [];
  const ignored = new Set<string>();
  const calls = new CallReader();
  for (const [index, value] of values.entries()) {
    const param = `input[${index}]`;
    if (!isFields(value)) throw invalid('an item is an object', param);
    // This one is the session layer's own: a request's tools have a field.
    if (value['type'] === 'tools') throw invalid('the item type is not known', `${param}.type`);
    const foreign = foreignFields(value);
    for (const name of foreign) ignored.add(`input.${name}`);
    const known = foreign.length === 0 ? value : without(value, foreign);
    calls.read(readItem(known, param), param);
    items.push(itemInput(known));
  }
  return { items, calls, ignored: [...ignored] };
}

/** An item of a request, as the session layer takes it. */
export function itemInput(item: object): ItemInput {
  return { kind: 'item', json: JSON.stringify(item) };
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

class CallReader implements InputCalls {
  readonly made: string[] = [];
  readonly open: { readonly callId: string; readonly param: string }[] = [];
  readonly #known = new Set<string>();

  read(item: Item, param: string): void {
    if (item.kind === 'function-call' || item.kind === 'custom-tool-call') {
      this.made.push(item.callId);
      this.#known.add(item.callId);
    } else if (item.kind === 'function-call-output' || item.kind === 'custom-tool-call-output') {
      if (!this.#known.has(item.callId)) this.open.push({ callId: item.callId, param: `${param}.call_id` });
    }
  }
}
