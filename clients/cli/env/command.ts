import { parseArguments } from '../arguments.ts';
import { stateOptions, type Command } from '../context.ts';
import { httpBase, requireLocalState, type LocalState } from '../local-state.ts';

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
RETICLE_MODEL for Reticle's own, OPENAI_BASE_URL and OPENAI_API_KEY for the OpenAI SDKs. Where the
platform's certificate is self-signed, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE and CURL_CA_BUNDLE too: by the last two Codex,
Python and curl trust no other server in that shell.

Examples:
  eval "$(reticle env)"
  npm run -s reticle -- env
`,
  async run(context, args) {
    parseArguments(args, { command: 'reticle env', options: {} });
    const state = await requireLocalState(stateOptions(context));
    context.terminal.out(exportLines(variablesOf(state)));
    context.terminal.err('# Run: eval "$(reticle env)"\n');
    return 0;
  },
};

/** What clients of a platform find in their environment. */
export function variablesOf(state: LocalState): Readonly<Record<string, string>> {
  const { grpc, apiKey, model, tls } = state;
  const own = { RETICLE_GRPC: grpc, RETICLE_API_KEY: apiKey, RETICLE_MODEL: model };
  const openai = { OPENAI_BASE_URL: `${httpBase(state)}/v1`, OPENAI_API_KEY: apiKey };
  if (tls?.isSelfSigned !== true) return { ...own, ...openai };
  const { certFile } = tls;
  return { ...own, ...openai, NODE_EXTRA_CA_CERTS: certFile, SSL_CERT_FILE: certFile, CURL_CA_BUNDLE: certFile };
}
