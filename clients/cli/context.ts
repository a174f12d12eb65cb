import type { Env } from '@reticle/core/process';
import { connect, type ReticleClient } from '@reticle/sdk';
import { readLocalState, requireLocalState, type LocalState, type LocalStateOptions } from './local-state.ts';
import type { Signals, Terminal } from './terminal/terminal.ts';

/** Everything a command may touch. */
export type Context = {
  readonly env: Env;
  readonly variables: Readonly<Record<string, string>>;
  readonly terminal: Terminal;
  readonly signals: Signals;
  /** This process. */
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
};

/** One subcommand. Resolves with the exit status; throws what `explained` explains. */
export type Command = {
  readonly name: string;
  /** One line for the list. */
  readonly summary: string;
  /** The whole of `--help`, with examples. */
  readonly help: string;
  readonly run: (context: Context, args: readonly string[]) => Promise<number>;
};

export function stateOptions(context: Context): LocalStateOptions {
  return { disk: context.env.disk, variables: context.variables, isAlive: context.isAlive };
}

export type Connection = {
  readonly client: ReticleClient;
  readonly model: string | undefined;
  /** Given when the local platform is what the client talks to. */
  readonly state: LocalState | undefined;
};

/**
 * A client by the flag or the environment, or, without RETICLE_GRPC, of the local platform that runs. The platform's
 * key is used for its own addresses alone.
 */
export async function openConnection(context: Context, target?: string): Promise<Connection> {
  const wanted = target ?? context.variables['RETICLE_GRPC'];
  if (wanted) return await connectionTo(context, wanted);
  const state = await requireLocalState(stateOptions(context));
  return localConnection(context, state);
}

async function connectionTo(context: Context, target: string): Promise<Connection> {
  const { variables, env } = context;
  const running = await readLocalState(stateOptions(context));
  const state = running !== undefined && isOf(running, target) ? running : undefined;
  const model = variables['RETICLE_MODEL'] || state?.model;
  const apiKey = variables['RETICLE_API_KEY'] || state?.apiKey || '';
  const { clock, random } = env;
  const client = connect({ target, apiKey, ...(model === undefined ? {} : { model }), clock, random });
  return { client, model, state };
}

/** True when every address is one of the platform's own. */
function isOf({ grpc }: LocalState, target: string): boolean {
  const own = addresses(grpc);
  return addresses(target).every((address) => own.includes(address));
}

function addresses(list: string): readonly string[] {
  return list.split(',').map((text) => text.trim());
}

/** A client of a local platform whose state is known. */
export function localConnection(context: Context, state: LocalState): Connection {
  const { clock, random } = context.env;
  const model = context.variables['RETICLE_MODEL'] || state.model;
  const client = connect({ target: state.grpc, apiKey: state.apiKey, model, clock, random });
  return { client, model, state };
}
