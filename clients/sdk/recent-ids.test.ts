import { describe, expect, test } from '@jest/globals';
import { RecentIds } from './recent-ids.ts';

describe('RecentIds', () => {
  test('keeps the last ones, counting a repeat as new', () => {
    const ids = new RecentIds(2);
    for (const id of ['a', 'b', 'a', 'c']) ids.add(id);
    expect(['a', 'b', 'c'].filter((id) => ids.has(id))).toEqual(['a', 'c']);
    ids.delete('a');
    ids.add('d');
    expect(['a', 'c', 'd'].filter((id) => ids.has(id))).toEqual(['c', 'd']);
  });
});
