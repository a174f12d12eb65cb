import { join } from 'node:path';
import { readSecret } from '@reticle/core/process';
import { parseArguments } from '../arguments.ts';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import type { Command, Context } from '../context.ts';

/** A file, not an import: what makes keys is part of the services, which this package does not know. */
const MINT = join(import.meta.dirname, '..', '..', '..', 'services', 'main', 'mint-key.ts');
const ENVIRONMENT = /^[a-z0-9]{1,16}$/;
const ID = /^[0-9A-Za-z]{8}$/;

type Minted = { readonly kind: 'key-minted'; readonly id: string; readonly key: string; readonly hmac: string };
type Wanted = { readonly environment: string; readonly id?: string; readonly pepper: string };

export const keyCommand: Command = {
  name: 'key',
  summary: 'mint an API key for a Tenant manifest',
  help: `Usage: reticle key --pepper-file FILE [--env NAME] [--id ID]

Prints a fresh API key and the lines that make it known: the key for its user, the lines for spec.keys of the user's
Tenant. The key is kept nowhere; only its HMAC is in the manifest.

  --pepper-file FILE  the secret that the gateway's pepperFile names (make one: openssl rand -hex 32)
  --env NAME          word in the key that says where it belongs: lower case, at most 16 characters (default: prod)
  --id ID             another secret for this key, while its users change over: add the HMAC beside the old one

Examples:
  reticle key --pepper-file pepper
  reticle key --pepper-file pepper --id k7q2m4xz
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle key',
      options: { 'pepper-file': { type: 'string' }, env: { type: 'string' }, id: { type: 'string' } },
    });
    const file = given.text('pepper-file');
    if (file === undefined) throw usageError('--pepper-file is missing', 'Name the file that the gateway reads, too.');
    const environment = given.text('env') ?? 'prod';
    if (!ENVIRONMENT.test(environment)) throw usageError('--env is 1 to 16 lower-case letters and digits', 'Try prod.');
    const id = given.text('id');
    if (id !== undefined && !ID.test(id)) throw usageError('--id is 8 letters and digits', 'It stands in the Tenant.');
    const pepper = (await readSecret(context.env.disk, 'pepper-file', file)).reveal();
    const minted = await mint(context, { environment, pepper, ...(id === undefined ? {} : { id }) });
    context.terminal.out(
      `# For the user of the key; it is shown once.\n${minted.key}\n\n` +
        `# For spec.keys of the Tenant.\n- id: ${minted.id}\n  hmacs: [${minted.hmac}]\n`,
    );
    return exitCodes.ok;
  },
};

async function mint({ env }: Context, wanted: Wanted): Promise<Minted> {
  const child = env.spawn.fork(MINT, []);
  const { promise, resolve, reject } = Promise.withResolvers<Minted>();
  child.onMessage((message) => {
    if (isMinted(message)) resolve(message);
  });
  void child.exited.then(({ code }) => {
    const hint = 'The lines above say why. Run the command again.';
    reject(
      new CliError('mint_failed', `no key was made (status ${code ?? 'unknown'})`, {
        exitCode: exitCodes.remote,
        hint,
      }),
    );
  });
  child.send({ kind: 'mint-key', ...wanted });
  const minted = await promise;
  await child.exited;
  return minted;
}

function isMinted(message: unknown): message is Minted {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'key-minted';
}
