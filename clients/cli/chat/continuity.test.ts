import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { ReticleError, type ConnectionEvent, type Moved } from '@reticle/sdk';
import { Continuity, type Incident } from './continuity.ts';

function scene() {
  const clock = new VirtualClock();
  const heard: Incident[] = [];
  const moves = new Set<(moved: Moved) => void>();
  let connection: (event: ConnectionEvent) => void = () => {};
  const session = {
    onConnection: (listener: typeof connection) => {
      connection = listener;
      return () => {};
    },
  };
  const turn = {
    onMoved: (listener: (moved: Moved) => void) => {
      moves.add(listener);
      return () => void moves.delete(listener);
    },
  };
  const continuity = new Continuity(session, clock, (incident) => heard.push(incident));
  const move = (moved: Partial<Moved>): void =>
    moves.forEach((listener) =>
      listener({ epoch: 2, replica: 'e2', reason: 'failover', startOffset: 1_640, continuation: 'exact', ...moved }),
    );
  return { clock, heard, turn, continuity, move, moves, connection: (event: ConnectionEvent) => connection(event) };
}

describe('Continuity', () => {
  test.each<{ name: string; event: ConnectionEvent; want: Incident }>([
    {
      name: 'a lost gateway',
      event: { kind: 'lost', target: 'a:1', error: new ReticleError('region_lost', 'x') },
      want: { line: 'gateway lost, reconnecting…', isOver: false },
    },
    {
      name: 'a gateway that leaves',
      event: { kind: 'leaving', target: 'a:1', reason: 'drain' },
      want: { line: 'the gateway asks to leave (drain), moving…', isOver: false },
    },
    {
      name: 'one that does not say why',
      event: { kind: 'leaving', target: 'a:1', reason: '' },
      want: { line: 'the gateway asks to leave, moving…', isOver: false },
    },
    {
      name: 'a gateway found',
      event: { kind: 'attached', target: 'b:2', outageMs: 940 },
      want: { line: 'reconnected to b:2 after 940 ms', isOver: true },
    },
  ])('says $name', ({ event, want }) => {
    const { connection, heard } = scene();
    connection(event);
    expect(heard).toEqual([want]);
  });

  test.each<{ name: string; moved: Partial<Moved>; want: string }>([
    { name: 'a failover', moved: {}, want: 'continued on engine e2 at token 1,640 after 400 ms' },
    {
      name: 'a drain',
      moved: { reason: 'drain', replica: 'abcdefghi' },
      want: 'continued on engine abcdefgh… at token 1,640 after 400 ms (drain)',
    },
    {
      name: 'tokens that are not those of the lost engine',
      moved: { continuation: 'resampled' },
      want: 'continued on engine e2 at token 1,640 after 400 ms, with tokens sampled anew',
    },
  ])('says $name, with the stall since the last frame', ({ moved, want }) => {
    const { clock, continuity, turn, move, heard } = scene();
    clock.advance(5_000);
    continuity.follow(turn);
    clock.advance(1_000);
    continuity.frame();
    clock.advance(400);
    move(moved);
    expect(heard).toEqual([{ line: want, isOver: true, movedAt: 1_640 }]);
  });

  test('follows one turn at a time', () => {
    const { continuity, turn, moves } = scene();
    continuity.follow(turn);
    continuity.follow({ onMoved: () => () => {} });
    expect(moves.size).toBe(0);
  });
});
