/** What the page reads of the server's messages; everything else of them is passed over. */

export type Receipt = {
  readonly effective_offset: number;
  readonly generated_offset: number;
  readonly delivered_offset: number;
  readonly wasted_tokens: number;
  readonly kv_action: string;
  readonly kv_kept_tokens: number;
};

export type ErrorObject = { readonly code: string; readonly message: string };

export type ResponseObject = {
  readonly id: string;
  readonly model: string;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly error: ErrorObject | null;
  readonly usage: { readonly output_tokens: number } | null;
  readonly reticle: {
    readonly epoch?: number;
    readonly served_tier?: string;
    readonly region?: string;
    readonly replica?: string;
    readonly resume_token?: string;
    readonly receipt?: Receipt;
  };
};

export type ServerEvent = {
  readonly type: string;
  readonly sequence_number?: number;
  readonly response?: ResponseObject;
  readonly response_id?: string;
  readonly output_index?: number;
  readonly item?: { readonly type: string; readonly name?: string };
  readonly delta?: string;
  readonly text?: string;
  readonly arguments?: string;
  readonly input?: string;
  readonly receipt?: Receipt;
  readonly error?: ErrorObject;
};

/** A message of this server; undefined for what is none. */
export function parseEvent(text: string): ServerEvent | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isEvent = typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
    return isEvent ? (value as ServerEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** `sequence_number` = 64 × token offset + slot (PROTOCOL §4.2). */
export function offsetOf(sequence: number): number {
  return Math.floor(sequence / 64);
}
