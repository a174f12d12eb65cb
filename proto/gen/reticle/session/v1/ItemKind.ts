// Original file: proto/reticle/session/v1/session.proto

export const ItemKind = {
  ITEM_KIND_UNSPECIFIED: 0,
  ITEM_KIND_MESSAGE: 1,
  ITEM_KIND_REASONING: 2,
  ITEM_KIND_FUNCTION_CALL: 3,
  ITEM_KIND_CUSTOM_TOOL_CALL: 4,
} as const;

export type ItemKind__Input =
  | 'ITEM_KIND_UNSPECIFIED'
  | 0
  | 'ITEM_KIND_MESSAGE'
  | 1
  | 'ITEM_KIND_REASONING'
  | 2
  | 'ITEM_KIND_FUNCTION_CALL'
  | 3
  | 'ITEM_KIND_CUSTOM_TOOL_CALL'
  | 4

export type ItemKind = typeof ItemKind[keyof typeof ItemKind]
