// Original file: proto/reticle/session/v1/session.proto

export const SpillChoice = {
  SPILL_CHOICE_UNSPECIFIED: 0,
  SPILL_CHOICE_NEVER: 1,
  SPILL_CHOICE_OFFER: 2,
  SPILL_CHOICE_AUTO: 3,
} as const;

export type SpillChoice__Input =
  | 'SPILL_CHOICE_UNSPECIFIED'
  | 0
  | 'SPILL_CHOICE_NEVER'
  | 1
  | 'SPILL_CHOICE_OFFER'
  | 2
  | 'SPILL_CHOICE_AUTO'
  | 3

export type SpillChoice = typeof SpillChoice[keyof typeof SpillChoice]
