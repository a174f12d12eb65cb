/** Code under fuzz: bytes in, and no way to hurt. */
export type FuzzTarget = {
  readonly name: string;
  /** Parts of the addresses of its source files: their coverage leads the search. */
  readonly sources: readonly string[];
  readonly dictionary: readonly Uint8Array[];
  readonly bytesMax: number;
  /** Well-formed inputs to start from. */
  readonly seeds: readonly Uint8Array[];
  /** Returns, or throws what {@link allows}; it also throws where an answer contradicts itself. */
  readonly run: (bytes: Uint8Array) => void;
  /** The refusals of its contract. Anything else that is thrown is a finding. */
  readonly allows: (error: unknown) => boolean;
};

export class OracleBroken extends Error {}
