/**
 * What the page knows, as a pure function of what happened: `(state, action) → state`.
 *
 *     turn: asked ── created ──▶ running ── terminal ──▶ over
 *             └──── refused, or the socket is lost before `created` ────▶ over
 *
 * Invariants
 * 1. At most one turn runs: the first that is not over. Events that name no response are that turn's.
 * 2. `sequence` never falls within a turn; it is where a lost socket is resumed.
 * 3. Behind a cut that was asked for nothing is added: the text is what the person saw when they asked.
 */
import { offsetOf, type Receipt, type ResponseObject, type ServerEvent } from './server-event.ts';
import { counted, noSpeed, type Speed } from './speed.ts';

export type Item = { readonly kind: string; readonly name: string; readonly text: string };
/** Where a turn went on after its socket was lost. */
export type Mark = { readonly offset: number; readonly item: number; readonly at: number };
export type Ending = 'completed' | 'stopped' | 'redirected' | 'length' | 'failed';

export type Turn = {
  readonly prompt: string;
  /** Undefined until the server has told it. */
  readonly id: string | undefined;
  readonly items: readonly Item[];
  /** Finds the turn's session at whatever gateway the next socket reaches. */
  readonly resumeToken: string | undefined;
  /** Number of the last event, and the tokens that it stands behind. */
  readonly sequence: number;
  readonly offset: number;
  readonly askedMs: number;
  /** When its first tokens came, after it was asked for, and how many came with them. */
  readonly firstTokenMs: number | undefined;
  readonly firstTokens: number;
  readonly lastTokenMs: number;
  /** Number of the last event before a cut that was asked for. */
  readonly cutAfter: number | undefined;
  /** The cut came with the prompt of the next turn. */
  readonly isRedirected: boolean;
  readonly receipt: Receipt | undefined;
  readonly marks: readonly Mark[];
  readonly ending: Ending | undefined;
  /** What failed it, in words. */
  readonly fault: string;
};

export type Served = {
  readonly model: string;
  readonly tier: string;
  readonly region: string;
  readonly engine: string;
  readonly epoch: number;
};

/** `refused`: what the page was opened with is not good any more. */
export type Link = 'connecting' | 'open' | 'lost' | 'refused';

export type PlaygroundState = {
  readonly link: Link;
  /** Why the link is as it is, in words; '' when there is nothing to say. */
  readonly notice: string;
  readonly models: readonly string[];
  readonly turns: readonly Turn[];
  readonly served: Served | undefined;
  readonly speed: Speed;
};

export type Action =
  | { readonly kind: 'link'; readonly link: Link; readonly notice?: string }
  | { readonly kind: 'models'; readonly models: readonly string[] }
  | { readonly kind: 'asked'; readonly prompt: string; readonly atMs: number }
  /** A cut was asked for; with a prompt it is a redirect. */
  | { readonly kind: 'cut'; readonly prompt?: string; readonly atMs: number }
  /** A new socket goes on with the running turn; `afresh`: from its beginning. */
  | { readonly kind: 'resumed'; readonly afresh: boolean }
  | { readonly kind: 'event'; readonly event: ServerEvent; readonly atMs: number };

export const initialState: PlaygroundState = {
  link: 'connecting',
  notice: '',
  models: [],
  turns: [],
  served: undefined,
  speed: noSpeed,
};

export function reduce(state: PlaygroundState, action: Action): PlaygroundState {
  switch (action.kind) {
    case 'link':
      return lost({ ...state, link: action.link, notice: action.notice ?? '' }, action.link);
    case 'models':
      return { ...state, models: action.models };
    case 'asked':
      return { ...state, turns: [...state.turns, asked(action)] };
    case 'cut':
      return cut(state, action);
    case 'resumed':
      return changed(state, (turn) => resumed(turn, action.afresh));
    case 'event':
      return told(state, action.event, action.atMs);
  }
}

/** The first turn that is not over. */
export function runningTurn({ turns }: PlaygroundState): Turn | undefined {
  return turns.find(({ ending }) => ending === undefined);
}

/** What the next turn continues: the last one that has an answer. */
export function previousId({ turns }: PlaygroundState): string | undefined {
  return turns.findLast(({ id, ending }) => id !== undefined && ending !== 'failed')?.id;
}

function asked({ prompt, atMs }: { readonly prompt: string; readonly atMs: number }): Turn {
  return {
    prompt,
    id: undefined,
    items: [],
    resumeToken: undefined,
    sequence: 0,
    offset: 0,
    askedMs: atMs,
    firstTokenMs: undefined,
    firstTokens: 0,
    lastTokenMs: atMs,
    cutAfter: undefined,
    isRedirected: false,
    receipt: undefined,
    marks: [],
    ending: undefined,
    fault: '',
  };
}

function cut(state: PlaygroundState, { prompt, atMs }: Extract<Action, { kind: 'cut' }>): PlaygroundState {
  const isRedirected = prompt !== undefined;
  const next = changed(state, (turn) => ({ ...turn, isRedirected, cutAfter: turn.cutAfter ?? turn.sequence }));
  return prompt === undefined ? next : { ...next, turns: [...next.turns, asked({ prompt, atMs })] };
}

/** A cut was refused: the answer goes on, and a successor that came with the cut does not begin. */
function uncut(state: PlaygroundState, fault: string): PlaygroundState {
  const isOver = ({ id, ending }: Turn): boolean => id === undefined && ending === undefined;
  const turns = state.turns.map((turn) => (isOver(turn) ? failed(turn, fault) : turn));
  return changed({ ...state, turns }, (turn) => ({ ...turn, cutAfter: undefined, isRedirected: false }));
}

function resumed(turn: Turn, afresh: boolean): Turn {
  if (afresh) return { ...turn, items: [], sequence: 0, offset: 0, marks: [] };
  const item = Math.max(0, turn.items.length - 1);
  const at = turn.items[item]?.text.length ?? 0;
  return { ...turn, marks: [...turn.marks, { offset: turn.offset, item, at }] };
}

/** A turn that the server had not told of cannot be found again; nobody knows whether it was heard. */
function lost(state: PlaygroundState, link: Link): PlaygroundState {
  if (link !== 'lost') return state;
  const fault = 'The connection was lost before the answer began. Send it again.';
  const turns = state.turns.map((turn) =>
    turn.id === undefined && turn.ending === undefined ? failed(turn, fault) : turn,
  );
  return { ...state, turns };
}

function failed(turn: Turn, fault: string): Turn {
  return { ...turn, ending: 'failed', fault };
}

/** Changes the running turn. */
function changed(state: PlaygroundState, change: (turn: Turn) => Turn): PlaygroundState {
  const index = state.turns.findIndex(({ ending }) => ending === undefined);
  const turn = state.turns[index];
  return turn === undefined ? state : { ...state, turns: state.turns.with(index, change(turn)) };
}

function told(state: PlaygroundState, event: ServerEvent, atMs: number): PlaygroundState {
  const { type, response } = event;
  if (response !== undefined) return toldResponse(state, event, response);
  if (type.endsWith('.delta')) return toldDelta(state, event, atMs);
  if (type.endsWith('.done')) return changed(state, (turn) => withWhole(numbered(turn, event), event));
  switch (type) {
    case 'response.output_item.added':
      return changed(state, (turn) => withItem(numbered(turn, event), event));
    case 'response.output_item.interrupted':
      return changed(state, (turn) => withoutItem(turn, event));
    case 'response.interrupt.accepted':
      return toldReceipt(state, event);
    case 'response.interrupt.failed':
      return uncut(state, faultOf(event.error));
    case 'response.resume.failed':
    case 'error':
      return toldFault(state, faultOf(event.error));
    default:
      return state;
  }
}

function toldFault(state: PlaygroundState, fault: string): PlaygroundState {
  if (runningTurn(state) === undefined) return { ...state, notice: fault };
  return changed(state, (turn) => failed(turn, fault));
}

function toldResponse(state: PlaygroundState, event: ServerEvent, response: ResponseObject): PlaygroundState {
  const { reticle, model } = response;
  const { served_tier: tier = '', region = '', replica: engine = '', epoch = 0 } = reticle;
  const served = tier === '' ? state.served : { model, tier, region, engine, epoch };
  const next = { ...state, served };
  return changed(next, (turn) => {
    const { receipt = turn.receipt, resume_token: resumeToken = turn.resumeToken } = reticle;
    const known = { ...numbered(turn, event), id: response.id, receipt, resumeToken };
    const ending = endingOf(event.type, response, known);
    return ending === undefined ? known : { ...known, ending, fault: faultOf(response.error) };
  });
}

function endingOf(type: string, { incomplete_details: details }: ResponseObject, turn: Turn): Ending | undefined {
  if (type === 'response.completed') return 'completed';
  if (type === 'response.failed') return 'failed';
  if (type !== 'response.incomplete') return undefined;
  if (details?.reason !== 'interrupted') return 'length';
  return turn.isRedirected ? 'redirected' : 'stopped';
}

function toldDelta(state: PlaygroundState, event: ServerEvent, atMs: number): PlaygroundState {
  const turn = runningTurn(state);
  if (turn === undefined) return state;
  const sequence = event.sequence_number ?? turn.sequence;
  if (turn.cutAfter !== undefined && sequence > turn.cutAfter) return state;
  const tokens = Math.max(0, offsetOf(sequence) - turn.offset);
  const next = changed(state, (running) => ({
    ...withText(numbered(running, event), event, event.delta ?? ''),
    firstTokenMs: running.firstTokenMs ?? atMs - running.askedMs,
    firstTokens: running.firstTokenMs === undefined ? tokens : running.firstTokens,
    lastTokenMs: atMs,
  }));
  return { ...next, speed: counted(next.speed, tokens, atMs) };
}

function toldReceipt(state: PlaygroundState, { response_id: id, receipt }: ServerEvent): PlaygroundState {
  const turns = state.turns.map((turn) => (turn.id === id ? { ...turn, receipt } : turn));
  return { ...state, turns };
}

function numbered(turn: Turn, { sequence_number: number = 0 }: ServerEvent): Turn {
  const sequence = Math.max(turn.sequence, number);
  // Behind a cut come numbers of tokens that were sent and are void.
  const offset = turn.cutAfter === undefined ? Math.max(turn.offset, offsetOf(sequence)) : turn.offset;
  return { ...turn, sequence, offset };
}

function withItem(turn: Turn, { output_index: index = turn.items.length, item }: ServerEvent): Turn {
  if (index < turn.items.length) return turn;
  return { ...turn, items: [...turn.items, { kind: item?.type ?? 'message', name: item?.name ?? '', text: '' }] };
}

function withoutItem(turn: Turn, { output_index: index = turn.items.length }: ServerEvent): Turn {
  return { ...turn, items: turn.items.slice(0, index) };
}

function withText(turn: Turn, { output_index: index = turn.items.length - 1 }: ServerEvent, delta: string): Turn {
  const item = turn.items[index];
  return item === undefined ? turn : { ...turn, items: turn.items.with(index, { ...item, text: item.text + delta }) };
}

/** An item's whole text, which the server has the last word on. */
function withWhole(turn: Turn, event: ServerEvent): Turn {
  const { output_index: index = -1, text = event.arguments ?? event.input } = event;
  const item = turn.items[index];
  return item === undefined || text === undefined
    ? turn
    : { ...turn, items: turn.items.with(index, { ...item, text }) };
}

function faultOf(error: ServerEvent['error'] | null): string {
  return error === undefined || error === null ? '' : `${error.message} (${error.code})`;
}
