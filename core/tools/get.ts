/** `get.ts NAME…`: prints the path of each tool, building what is missing; exit status 1 when one cannot be had. */
import { resolveTool } from './resolve-tool.ts';
import { tools, type ToolName } from './tool-table.ts';

const isToolName = (name: string): name is ToolName => Object.hasOwn(tools, name);

for (const name of process.argv.slice(2)) {
  const result = isToolName(name)
    ? await resolveTool(name)
    : { missing: `no tool is called ${name}; there is ${Object.keys(tools).join(', ')}` };
  if ('path' in result) process.stdout.write(`${result.path}\n`);
  else {
    process.stderr.write(`tools: ${result.missing}\n`);
    process.exitCode = 1;
  }
}
