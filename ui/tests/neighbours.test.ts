import { expect, test } from 'vitest';
import { placeOf, rememberOpened, rowOfOpened } from '../console/parts/neighbours';

const list = { address: '/tickets?view=mine', numbers: [7, 3, 12], total: 40, more: false };

test('a ticket has neighbours as the list has them', () => {
  expect(placeOf(3, list)).toEqual({ position: 2, total: 40, more: false, previous: 7, next: 12 });
});

test('the first has none before it, the last none after it', () => {
  expect(placeOf(7, list)).toMatchObject({ position: 1, previous: undefined, next: 3 });
  expect(placeOf(12, list)).toMatchObject({ position: 3, previous: 3, next: undefined });
});

test('a ticket that was opened by its address has no place', () => {
  expect(placeOf(99, list)).toBeUndefined();
});

test('the list opens at the ticket that was read last', () => {
  expect(rowOfOpened(list.numbers)).toBe(0);
  rememberOpened(12);
  expect(rowOfOpened(list.numbers)).toBe(2);
  expect(rowOfOpened([1, 2])).toBe(0);
});
