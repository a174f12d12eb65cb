/**
 * Tools of a request as the first item of its turn's input: the model reads them where they are new, and the turns that
 * follow with the same tools do not repeat them. So a session's context grows into what a full resend renders: the tools
 * once, at its head.
 */
import { checkParams, withCanonicalTools } from './check-params.ts';
import type { ItemInput, StartTurn, TurnInput, TurnParams } from './commands.ts';

const OPENING = '{"type":"tools","tools":';
const CLOSING = '}';

/** The input with its tools before it, unless the context that it continues has them. */
export function withToolsHead(
  input: readonly TurnInput[],
  { tools = '', toolsTokens }: Pick<TurnParams, 'tools' | 'toolsTokens'>,
  known: string,
): readonly TurnInput[] {
  if (tools === '' || tools === known) return input;
  return [{ ...toolsItem(tools), ...(toolsTokens === undefined ? {} : { tokens: toolsTokens }) }, ...input];
}

/** The item that tells tools, canonical JSON of a list. */
export function toolsItem(tools: string): ItemInput {
  return { kind: 'item', json: `${OPENING}${tools}${CLOSING}` };
}

/**
 * A turn for a session that another gateway holds: what its context was told is not known here, so the tools come first
 * in any case.
 *
 * @throws ReticleError as `checkParams` and `withCanonicalTools`
 */
export function remoteStart(start: StartTurn): StartTurn {
  checkParams(start.params);
  const params = withCanonicalTools(start.params);
  return { ...start, params, input: withToolsHead(start.input, params, '') };
}

/** The tools that stand at the head of an input, as {@link withToolsHead} put them; empty without any. */
export function toolsHeadOf(input: readonly TurnInput[]): string {
  const [first] = input;
  if (first?.kind !== 'item' || !first.json.startsWith(OPENING)) return '';
  return first.json.slice(OPENING.length, -CLOSING.length);
}
