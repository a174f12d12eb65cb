/**
 * `buf lint` (STANDARD) and `buf breaking` (FILE) of the contract. Breaking changes are judged against
 * `RETICLE_BREAKING_REF` or, without it, against the newest commit that differs from the files here.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot, runTool } from './run-tool.ts';

const proto = join(repositoryRoot, 'proto');

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd: repositoryRoot,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // Not a git checkout, or the revision does not exist: there is nothing to compare with.
    return undefined;
  }
}

/** The revision to compare with, or undefined when none of them holds the contract. */
function baseline(): string | undefined {
  // oxlint-disable-next-line node/no-process-env -- a script's own switch
  const asked = process.env['RETICLE_BREAKING_REF'];
  const dirty = git('status', '--porcelain', '--', 'proto/reticle') !== '';
  const candidates = asked === undefined ? [dirty ? 'HEAD' : 'HEAD~1', 'HEAD'] : [asked];
  return candidates.find((ref) => git('cat-file', '-e', `${ref}:proto/buf.yaml`) !== undefined);
}

let status = await runTool('buf', ['lint'], proto);
const reference = baseline();
if (reference === undefined) process.stdout.write('proto: no earlier revision of the contract to compare with\n');
else status ||= await runTool('buf', ['breaking', '--against', `../.git#ref=${reference},subdir=proto`], proto);
process.exitCode = status;
