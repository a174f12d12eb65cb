/** The playground: what a person does becomes messages, what the server says becomes state, state becomes the page. */
import { thisBrowser } from './browser.ts';
import { Connection } from './connection.ts';
import { Credentials } from './credentials.ts';
import { initialState, previousId, reduce, runningTurn, type Action } from './playground-state.ts';
import type { ServerEvent } from './server-event.ts';
import { View } from './view.ts';

const browser = thisBrowser();
let state = initialState;
let isDrawing = false;

const view = new View(document, {
  onPrompt: (prompt) => (runningTurn(state) === undefined ? ask(prompt) : cut(prompt)),
  onStop: () => void cut(),
  onKill: () => connection.kill(),
});

const connection = new Connection(browser, new Credentials(browser), {
  onOpen: () => {
    dispatch({ kind: 'link', link: 'open' });
    resume();
  },
  onEvent: hear,
  onLost: () => dispatch({ kind: 'link', link: 'lost', notice: 'The connection is lost. Opening another one…' }),
  onRefused: (notice) => dispatch({ kind: 'link', link: 'refused', notice }),
  onModels: (models) => dispatch({ kind: 'models', models }),
});

function dispatch(action: Action): void {
  state = reduce(state, action);
  draw();
}

/** Once per picture, and on for as long as the graph moves. */
function draw(): void {
  if (isDrawing) return;
  isDrawing = true;
  browser.onFrame(() => {
    isDrawing = false;
    if (view.show(state, browser.nowMs())) draw();
  });
}

function hear(event: ServerEvent): void {
  const isAhead = event.type === 'response.resume.failed' && event.error?.code === 'value_out_of_range';
  // A cut that the lost socket had asked for took back what this page was shown: it is read from its beginning.
  if (isAhead) resume(true);
  else dispatch({ kind: 'event', event, atMs: browser.nowMs() });
}

/** Goes on with the running turn behind the last event that came. */
function resume(afresh = false): void {
  const turn = runningTurn(state);
  if (turn?.id === undefined) return;
  const cursor = afresh || turn.sequence === 0 ? {} : { starting_after: turn.sequence };
  dispatch({ kind: 'resumed', afresh });
  const token = turn.resumeToken === undefined ? {} : { resume_token: turn.resumeToken };
  connection.send({ type: 'response.resume', response_id: turn.id, ...token, ...cursor });
}

/** True when the prompt is on its way. */
function ask(prompt: string): boolean {
  const previous = previousId(state);
  const continues = previous === undefined ? {} : { previous_response_id: previous };
  const isSent = connection.send({ type: 'response.create', model: view.model, input: prompt, ...continues });
  if (isSent) dispatch({ kind: 'asked', prompt, atMs: browser.nowMs() });
  return isSent;
}

/** Cuts the running turn at what is on the screen; with a prompt, its successor is part of the same message. */
function cut(prompt?: string): boolean {
  const turn = runningTurn(state);
  if (turn?.id === undefined || turn.cutAfter !== undefined) return false;
  const isSent = connection.send({
    type: 'response.interrupt',
    response_id: turn.id,
    mode: 'keep_through_offset',
    keep_through_sequence: turn.sequence,
    ...(prompt === undefined ? {} : { successor: { input: prompt } }),
  });
  if (isSent) dispatch({ kind: 'cut', atMs: browser.nowMs(), ...(prompt === undefined ? {} : { prompt }) });
  return isSent;
}

draw();
void connection.open();
