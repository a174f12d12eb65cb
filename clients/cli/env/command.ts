import { parseArguments } from '../arguments.ts';
import { stateOptions, type Command } from '../context.ts';
import { requireLocalState } from '../local-state.ts';

/** `export` lines that a POSIX shell evaluates; every value is quoted, whatever it holds. */
export function exportLines(values: Readonly<Record<string, string>>): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return Object.entries(values)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');
}

export const envCommand: Command = {
  name: 'env',
  summary: 'export lines for the running local platform',
  help: `Usage: reticle env

Prints shell lines that point every client at the running local platform: RETICLE_GRPC (host:port), RETICLE_API_KEY and
RETICLE_MODEL for Reticle's own, OPENAI_BASE_URL and OPENAI_API_KEY for the OpenAI SDKs.

Examples:
  eval "$(reticle env)"
  npm run -s reticle -- env
`,
  async run(context, args) {
    parseArguments(args, { command: 'reticle env', options: {} });
    const { grpc, http, apiKey, model } = await requireLocalState(stateOptions(context));
    const own = { RETICLE_GRPC: grpc, RETICLE_API_KEY: apiKey, RETICLE_MODEL: model };
    context.terminal.out(exportLines({ ...own, OPENAI_BASE_URL: `http://${http}/v1`, OPENAI_API_KEY: apiKey }));
    context.terminal.err('# Run: eval "$(reticle env)"\n');
    return 0;
  },
};
