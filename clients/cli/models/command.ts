import type { SessionInfo } from '@reticle/sdk';
import { parseArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { openConnection, type Command, type Connection } from '../context.ts';
import { count, table } from '../figures.ts';

/** sha256:0123456789ab… → its first 12 digits, enough to tell models apart by eye. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

export const modelsCommand: Command = {
  name: 'models',
  summary: 'models that are served',
  help: `Usage: reticle models

Lists served models: name, first digits of the digest, context limit in tokens.
The protocol has no call that lists models yet: the names come from the running local platform's state file (or
RETICLE_MODEL), and the facts from a session that is opened on each of them and closed again.

Examples:
  reticle models
`,
  async run(context, args) {
    parseArguments(args, { command: 'reticle models', options: {} });
    const connection = await openConnection(context);
    const infos: SessionInfo[] = [];
    try {
      for (const model of namesOf(connection)) infos.push(await probe(connection, model));
    } finally {
      connection.client.close();
    }
    const rows = infos.map((info) => [info.model, shortDigest(info.modelDigest), count(info.contextLimit)]);
    context.terminal.out(table([['MODEL', 'DIGEST', 'CONTEXT'], ...rows]));
    return 0;
  },
};

function namesOf({ state, model }: Connection): readonly string[] {
  const names = state?.models ?? (model === undefined ? [] : [model]);
  if (names.length > 0) return names;
  throw new CliError('missing_required_parameter', 'no model is named for this gateway', {
    exitCode: exitCodes.config,
    hint: 'Set RETICLE_MODEL to the model to ask about.',
  });
}

async function probe({ client }: Connection, model: string): Promise<SessionInfo> {
  const session = await client.createSession({ model });
  try {
    return session.info;
  } finally {
    await session.close();
  }
}
