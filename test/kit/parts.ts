import { environment } from '@reticle/core/process';
import { resolveTool, type ToolName } from '@reticle/core/tools';

/**
 * The path of a real part that a suite starts, or undefined where it cannot be had: the suite then skips itself,
 * after the line printed here. With `CI=true` a missing part is an error, so that no gate passes without it.
 */
export async function requirePart(name: ToolName): Promise<string | undefined> {
  const result = await resolveTool(name);
  if ('path' in result) return result.path;
  if (environment()['CI'] === 'true') throw new Error(result.missing);
  process.stderr.write(`skipped: ${result.missing}\n`);
  return undefined;
}
