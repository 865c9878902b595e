import { describe, expect, test } from 'vitest';
import { kept, select } from '../console/parts/selection';

const ids = ['a', 'b', 'c', 'd', 'e'];
const set = (...of: string[]) => new Set(of);

describe('selecting rows', () => {
  test('adds one, and takes it away again', () => {
    expect(select(set('a'), ids, 'c', undefined, false)).toEqual(set('a', 'c'));
    expect(select(set('a', 'c'), ids, 'c', 'a', false)).toEqual(set('a'));
  });

  test('with Shift reaches from the last one to it, in both directions', () => {
    expect(select(set('b'), ids, 'd', 'b', true)).toEqual(set('b', 'c', 'd'));
    expect(select(set('d'), ids, 'b', 'd', true)).toEqual(set('b', 'c', 'd'));
  });

  test('with Shift clears as well', () => {
    expect(select(set(...ids), ids, 'd', 'b', true)).toEqual(set('a', 'e'));
  });

  test('with Shift and nothing before it, or something that is gone, is one row', () => {
    expect(select(set(), ids, 'c', undefined, true)).toEqual(set('c'));
    expect(select(set(), ids, 'c', 'gone', true)).toEqual(set('c'));
  });

  test('never changes what it was given', () => {
    const before = set('a');
    select(before, ids, 'b', undefined, false);
    expect(before).toEqual(set('a'));
  });
});

test('what is not shown any more is not selected: nobody changes what they do not see', () => {
  expect(kept(set('a', 'x', 'e'), ids)).toEqual(set('a', 'e'));
});
