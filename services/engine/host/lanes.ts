/** Lanes: which turn a number on a link means, and moving a turn to another lane. */
import { assert, ReticleError } from '@reticle/core/domain';
import type { LinkChannel } from './link-channel.ts';
import type { Session } from './session.ts';
import type { Turn } from './turn.ts';

/** Lanes from here on are made by the host (PROTOCOL E2). */
const HOST_LANES = 2 ** 31;

/** True for a lane that no gateway chose. */
export function isHostLane(lane: number): boolean {
  return lane >= HOST_LANES;
}

/** Refuses a lane that is in use on the link; gateways never use one twice. */
export function checkLane(channel: LinkChannel, lane: number): void {
  if (isHostLane(lane) || channel.lanes.has(lane))
    throw new ReticleError('invalid_request', 'the lane is not free', { param: 'lane' });
}

/** Puts a turn on a lane of the attachment in force; without one it runs into its ring alone. */
export function bindLane(session: Session, turn: Turn, lane: number): void {
  const { attachment } = session;
  if (attachment === undefined) return;
  const { channel } = attachment;
  assert(!channel.lanes.has(lane), 'a lane means one turn');
  channel.lanes.set(lane, { turn, attachment });
  turn.lanes.push({ channel, lane });
  turn.channel = channel;
  turn.lane = lane;
  turn.laneTold = !isHostLane(lane);
  // The list of another link may still hold it; that link passes over it.
  turn.dirty = false;
}

/**
 * Moves a turn to a lane whose receiver has [0, next): rows are sent again from there, and the end too; `Started`
 * and every item mark as well where the receiver has a record of the turn and nothing else (`retell`). Returns where the replay starts. Throws `resume_window_exceeded` with the oldest offset, or
 * `value_out_of_range` for an offset that was never generated.
 */
export function rebindLane(
  session: Session,
  turn: Turn,
  target: { lane: number; next: number; credit: number; retell?: boolean },
): number {
  const from = turn.ledger.rebind(target.next, target.credit || session.creditTokens);
  if (from === 'evicted') {
    const oldest = `oldest_offset=${turn.ledger.base}`;
    throw new ReticleError('resume_window_exceeded', `the offset is older than the ring; ${oldest}`, { param: oldest });
  }
  if (from === 'future')
    throw new ReticleError('value_out_of_range', 'the offset was never generated', { param: 'next_offset' });
  const retell = target.retell === true;
  turn.marks.rebind(retell ? 0 : from);
  turn.endedTold = false;
  // Told again: a link that broke may have lost it.
  turn.startedTold = false;
  bindLane(session, turn, target.lane);
  turn.channel?.touch(turn);
  return from;
}

/** A lane that the host makes up, free on the link. */
export function hostLane(channel: LinkChannel): number {
  return HOST_LANES + channel.nextHostLane++;
}

/** Forgets every lane that ever meant the turn. */
export function forgetLanes(turn: Turn): void {
  for (const { channel, lane } of turn.lanes) if (channel.lanes.get(lane)?.turn === turn) channel.lanes.delete(lane);
  turn.lanes.length = 0;
  turn.channel = undefined;
}
