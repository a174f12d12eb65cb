import { nearestName } from '@reticle/core/domain';
import { refuseKeys } from './arguments.ts';
import { errorText, explained, usageError } from './cli-error.ts';
import type { Command, Context } from './context.ts';

/** Runs one subcommand; gives the exit status. Failures are explained on standard error. */
export async function dispatch(
  context: Context,
  commands: readonly Command[],
  args: readonly string[],
): Promise<number> {
  try {
    refuseKeys(args);
    const [name, ...rest] = args;
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      context.terminal.out(overview(commands));
      return name === undefined ? 2 : 0;
    }
    const command = commands.find((one) => one.name === name);
    if (command === undefined) throw unknownCommand(name, commands);
    if (asksForHelp(rest)) {
      context.terminal.out(command.help);
      return 0;
    }
    return await command.run(context, rest);
  } catch (error) {
    const failure = explained(error);
    if (failure === undefined) throw error;
    context.terminal.err(errorText(failure));
    return failure.exitCode;
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

function unknownCommand(name: string, commands: readonly Command[]): Error {
  const names = commands.map((command) => command.name);
  const near = nearestName(name, names);
  const meant = near === undefined ? `There are: ${names.join(', ')}.` : `Did you mean \`reticle ${near}\`?`;
  return usageError(`reticle has no command "${name}"`, meant);
}

function overview(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}\n`);
  return `Usage: reticle COMMAND [FLAGS]

${lines.join('')}
\`reticle COMMAND --help\` explains each, with examples.
`;
}
