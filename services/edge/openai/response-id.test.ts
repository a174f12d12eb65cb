import { describe, expect, test } from '@jest/globals';
import { ResponseIds } from './response-id.ts';

const [older, newer] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const ids = new ResponseIds([newer, older]);
const ref = {
  createdAt: 1_790_000_000,
  sessionId: 'abcdefghijklmnopqrstuvwxya',
  turnId: ResponseIds.turnId((count) => Buffer.alloc(count, 7)),
};
const id = ids.mint(ref, 'acme');

/** Another character at a place of the id. */
const changed = (at: number): string => `${id.slice(0, at)}${id[at] === 'b' ? 'c' : 'b'}${id.slice(at + 1)}`;

describe('a response id', () => {
  test('gives back its session, turn and age, at a gateway with the key of before too', () => {
    expect(id).toMatch(/^resp_[a-z2-7]{58}$/);
    expect(ids.open(id, 'acme')).toEqual(ref);
    expect(ids.open(new ResponseIds([older]).mint(ref, 'acme'), 'acme')).toEqual(ref);
  });

  test.each([
    { name: 'of another tenant', text: id, tenant: 'globex' },
    { name: 'of another cell', text: new ResponseIds([Buffer.alloc(32, 3)]).mint(ref, 'acme') },
    { name: 'with another age', text: changed(7) },
    { name: 'with another session', text: changed(20) },
    { name: 'with another tag', text: changed(55) },
    { name: 'with a character more', text: `${id}a` },
    { name: 'with a character less', text: id.slice(0, -1) },
    { name: 'without its prefix', text: id.slice(5) },
    { name: 'in capitals', text: id.toUpperCase() },
  ])('$name names nothing', ({ text, tenant = 'acme' }) => {
    expect(ids.open(text, tenant)).toBeUndefined();
  });
});
