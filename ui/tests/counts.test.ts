import { afterEach, expect, test } from 'vitest';
import { count } from '../console/parts/counts';
import { setLanguage } from '../shared/i18n.svelte';

afterEach(() => setLanguage('en'));

test('what was counted to the end is a number', () => {
  expect([count(0), count(1000), count(50, false)]).toEqual(['0', '1,000', '50']);
});

test('what was not is said to be more', () => {
  expect([count(1001), count(1000, true), count(50, true)]).toEqual(['1,000+', '1,000+', '50+']);
  setLanguage('fr');
  expect(count(1001)).toBe('1\u202f000+');
});
