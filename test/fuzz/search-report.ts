/** What a search says to the process that started it. */
export type SearchReport = {
  readonly target: string;
  readonly runs: number;
  readonly features: number;
  /** Inputs that together reach every feature. */
  readonly corpus: number;
  readonly findings: readonly { readonly problem: string; readonly detail: string; readonly file: string }[];
};
