import type { CreateResponse } from './create-response.ts';
import { requestParam } from './json-fields.ts';

/** Turns a session's name of a field into the request's own. */
export type FieldName = (param: string) => string;

const SESSION_FIELDS: Readonly<Record<string, string | undefined>> = {
  parent_turn_id: 'previous_response_id',
  text_format: 'text.format',
  tier: 'service_tier',
};

/** The session layer's names → those of the Responses body. Instructions are an item before the input's first. */
export function responseFields({ echo, defaults = [] }: Pick<CreateResponse, 'echo' | 'defaults'>): FieldName {
  const has = (echo.instructions ?? '') !== '' || defaults.includes('instructions');
  const before = has ? 1 : 0;
  return (param) => {
    const plain = requestParam(param);
    const item = /^input\[(\d+)\](.*)$/s.exec(plain);
    if (item === null) return SESSION_FIELDS[plain] ?? plain;
    const index = Number(item[1]) - before;
    return index < 0 ? 'instructions' : `input[${index}]${item[2] ?? ''}`;
  };
}
