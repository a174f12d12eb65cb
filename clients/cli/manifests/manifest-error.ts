import { ReticleError } from '@reticle/core/domain';

/** One fault of a manifest, with its place in the text where one is known. Lines and columns count from 1. */
export type ManifestProblem = {
  readonly file: string;
  readonly line?: number;
  /** Given for faults of YAML itself. */
  readonly column?: number;
  /** `Kind/name`, as far as the document says it. */
  readonly subject?: string;
  /** `spec.shape.wafers`. */
  readonly field?: string;
  /** Why, and in parentheses what to do. */
  readonly reason: string;
};

/** Everything that is wrong with a set of manifests; the message holds one line per problem. */
export class ManifestError extends ReticleError {
  readonly problems: readonly ManifestProblem[];

  constructor(problems: readonly ManifestProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super('invalid_request', [`${count} in the manifests`, ...problems.map(formatProblem)].join('\n'));
    this.name = 'ManifestError';
    this.problems = problems;
  }
}

/** `file:line  Kind/name  spec.field  reason (what to do)`, leaving out what is not known. */
function formatProblem(problem: ManifestProblem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':');
  return [place, problem.subject, problem.field, problem.reason].filter((part) => part !== undefined).join('  ');
}
