import { expect, test } from 'vitest';
import { pieces } from '../console/parts/found';

test('words are marked whatever their case and accents', () => {
  expect(pieces("L'Écran d’André", 'ecran')).toEqual([["L'", false], ['Écran', true], [' d’André', false]]);
  expect(pieces('Printer blank', 'PRIN')).toEqual([['Printer', true], [' blank', false]]);
});

test('a number has to stand as it is', () => {
  expect(pieces('Room 12, floor 120', '12')).toEqual([['Room ', false], ['12', true], [', floor 120', false]]);
});

test('what was not found is one piece, whatever was typed', () => {
  expect(pieces('a.b*c', '*?[')).toEqual([['a.b*c', false]]);
  expect(pieces('', 'x')).toEqual([]);
});
