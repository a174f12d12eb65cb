#!/usr/bin/env node
/** The `reticle` command: the composition root, the only place that meets the process. */
import { environment, systemEnv } from '@reticle/core/process';
import { commands } from './commands.ts';
import type { Context } from './context.ts';
import { dispatch } from './dispatch.ts';
import { systemSignals, systemTerminal } from './terminal/system-terminal.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists, and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const context: Context = {
  env: systemEnv(),
  variables: environment(),
  terminal: systemTerminal,
  signals: systemSignals(),
  pid: process.pid,
  isAlive,
};

process.exitCode = await dispatch(context, commands, process.argv.slice(2));
