/**
 * What travels between a {@link ChannelBus} and its hub. Ids of requests are the sender's own: a child numbers
 * its requests, the hub those that it hands on.
 */
export type ChannelMessage =
  | { readonly kind: 'bus'; readonly subject: string; readonly payload: Uint8Array }
  | { readonly kind: 'bus-request'; readonly id: string; readonly subject: string; readonly payload: Uint8Array }
  | { readonly kind: 'bus-answer'; readonly id: string; readonly payload: Uint8Array }
  /** Hub → child: nobody responds on the subject. */
  | { readonly kind: 'bus-unanswered'; readonly id: string }
  /** Child → hub: the request is over, no answer is wanted any more. */
  | { readonly kind: 'bus-forget'; readonly id: string }
  /** Child → hub: one more responder on the pattern, or one less. */
  | { readonly kind: 'bus-responds'; readonly pattern: string; readonly change: 1 | -1 };

type Fields = Readonly<Record<string, unknown>>;

const isText = (value: unknown): boolean => typeof value === 'string';
const isBytes = (value: unknown): boolean => value instanceof Uint8Array;

const shapes: Readonly<Record<ChannelMessage['kind'], (fields: Fields) => boolean>> = {
  bus: ({ subject, payload }) => isText(subject) && isBytes(payload),
  'bus-request': ({ id, subject, payload }) => isText(id) && isText(subject) && isBytes(payload),
  'bus-answer': ({ id, payload }) => isText(id) && isBytes(payload),
  'bus-unanswered': ({ id }) => isText(id),
  'bus-forget': ({ id }) => isText(id),
  'bus-responds': ({ pattern, change }) => isText(pattern) && (change === 1 || change === -1),
};

/** The message, or undefined for anything else that travels on the same channel. */
export function channelMessage(message: unknown): ChannelMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const fields = message as Fields;
  const kind = fields['kind'];
  if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind)) return undefined;
  return shapes[kind as ChannelMessage['kind']](fields) ? (message as ChannelMessage) : undefined;
}
