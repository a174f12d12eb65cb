// Original file: proto/reticle/session/v1/session.proto

export const OutputLength = {
  OUTPUT_LENGTH_UNSPECIFIED: 0,
  OUTPUT_LENGTH_NATURAL: 1,
  OUTPUT_LENGTH_EXACT: 2,
} as const;

export type OutputLength__Input =
  | 'OUTPUT_LENGTH_UNSPECIFIED'
  | 0
  | 'OUTPUT_LENGTH_NATURAL'
  | 1
  | 'OUTPUT_LENGTH_EXACT'
  | 2

export type OutputLength = typeof OutputLength[keyof typeof OutputLength]
