import { CliError, exitCodes, usageError } from '../cli-error.ts';

/** Scheme and address, nothing that could hold a credential or a query. */
const SERVER = /^(nats|tls):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)(:\d{1,5})?\/?$/;
const WITH_USER = /^[a-z]+:\/\/[^/]*@/;

/** `none` (the default), `embedded`, or the URL of a running server. Throws a usage error. */
export function natsFlag(text: string | undefined): string {
  if (text === undefined || text === 'none') return 'none';
  if (text === 'embedded') return text;
  if (WITH_USER.test(text)) {
    throw new CliError('credential_in_arguments', 'a credential does not belong on the command line', {
      exitCode: exitCodes.usage,
      hint: 'Give the address alone: nats://host:port.',
    });
  }
  if (SERVER.test(text)) return text;
  throw usageError('--nats is none, embedded or nats://host:port', 'Correct the flag.');
}
