/** Runs an installed command-line tool under this Node: `tool.ts NAME [ARGS…]`. */
import { runTool } from './run-tool.ts';

const [name, ...args] = process.argv.slice(2);
if (name === undefined) throw new Error('usage: tool.ts NAME [ARGS…]');
process.exitCode = await runTool(name, args);
