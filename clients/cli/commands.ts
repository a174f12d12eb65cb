import { chatCommand } from './chat/command.ts';
import type { Command } from './context.ts';
import { drainCommand } from './drain/command.ts';
import { envCommand } from './env/command.ts';
import { explainCommand } from './explain/command.ts';
import { keyCommand } from './key/command.ts';
import { modelsCommand } from './models/command.ts';
import { operatorCommand } from './operator/command.ts';
import { planCommand } from './plan/command.ts';
import { playgroundCommand } from './playground/command.ts';
import { psCommand } from './ps/command.ts';
import { replayCommand } from './replay/command.ts';
import { upCommand } from './up/command.ts';
import { wafersCommand } from './wafers/command.ts';

/** Every subcommand, in the order of the help. */
export const commands: readonly Command[] = [
  upCommand,
  chatCommand,
  playgroundCommand,
  psCommand,
  replayCommand,
  modelsCommand,
  envCommand,
  keyCommand,
  planCommand,
  explainCommand,
  wafersCommand,
  drainCommand,
  operatorCommand,
];
