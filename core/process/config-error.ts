/** Exit status of a process whose configuration is refused (PROMISES §7.1, CLI row). */
export const CONFIG_EXIT_CODE = 3;

/** Everything that is wrong with a configuration, at once. Mains print `problems` and exit with `exitCode`. */
export class ConfigError extends Error {
  /** One line each, naming the key; never a value that could be a secret. */
  readonly problems: readonly string[];
  readonly exitCode = CONFIG_EXIT_CODE;

  constructor(problems: readonly string[], options?: { readonly cause: unknown }) {
    super(`configuration refused:\n${problems.map((problem) => `  ${problem}`).join('\n')}`, options);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
