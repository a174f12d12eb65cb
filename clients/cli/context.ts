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

/** A client by the environment, or, without RETICLE_GRPC, of the local platform that runs. */
export async function openConnection(context: Context): Promise<Connection> {
  const { variables, env } = context;
  const ports = { clock: env.clock, random: env.random };
  if (variables['RETICLE_GRPC']) {
    const state = await readLocalState(stateOptions(context));
    const local = state?.grpc === variables['RETICLE_GRPC'] ? state : undefined;
    const model = variables['RETICLE_MODEL'] || local?.model;
    const options = {
      target: variables['RETICLE_GRPC'],
      apiKey: variables['RETICLE_API_KEY'] || local?.apiKey || '',
      ...(model === undefined ? {} : { model }),
    };
    return { client: connect({ ...options, ...ports }), model, state: local };
  }
  const state = await requireLocalState(stateOptions(context));
  return localConnection(context, state);
}

/** A client of a local platform whose state is known. */
export function localConnection(context: Context, state: LocalState): Connection {
  const { clock, random } = context.env;
  const model = context.variables['RETICLE_MODEL'] || state.model;
  const client = connect({ target: state.grpc, apiKey: state.apiKey, model, clock, random });
  return { client, model, state };
}
