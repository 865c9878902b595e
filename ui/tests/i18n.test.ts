import { describe, expect, test } from 'vitest';
import en from '../locales/en.json';
import fr from '../locales/fr.json';

const english: Record<string, string> = en;
const french: Record<string, string> = fr;

function places(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();
}

describe('texts', () => {
  test('exist in both languages', () => {
    expect(Object.keys(french).sort()).toEqual(Object.keys(english).sort());
  });

  test('stand in order, so that two people add keys without meeting', () => {
    expect(Object.keys(english)).toEqual(Object.keys(english).toSorted());
    expect(Object.keys(french)).toEqual(Object.keys(french).toSorted());
  });

  test('name the same values in both languages', () => {
    for (const key of Object.keys(english)) {
      // *One* is 1 in English, and may be written so; in French it is 0, too.
      const optional = key.endsWith('.one') ? 'count' : '';
      const named = (text = '') => places(text).filter((name) => name !== optional);
      expect({ key, places: named(french[key]) }).toEqual({ key, places: named(english[key]) });
    }
  });

  test('have both forms wherever they count', () => {
    for (const key of Object.keys(english).filter((key) => key.endsWith('.one'))) {
      expect(english, key).toHaveProperty([key.replace(/one$/, 'other')]);
    }
  });

  test('are never empty', () => {
    for (const [key, text] of [...Object.entries(english), ...Object.entries(french)]) {
      expect(text.trim(), key).not.toBe('');
    }
  });

  test('follow French typography', () => {
    for (const [key, text] of Object.entries(french)) {
      expect(text, key).not.toMatch(/[^\u202f?!](?=[?!;%])/u);
      expect(text.replace(/https?:|\d:\d/g, ''), key).not.toMatch(/[^\u00a0]:(?=\s|$)/u);
      expect(text, key).not.toMatch(/«(?!\u00a0)|(?<!\u00a0)»/u);
      expect(text, key).not.toMatch(/'/u);
    }
  });

  test('use no straight quotes and no exclamation mark in English', () => {
    for (const [key, text] of Object.entries(english)) expect(text, key).not.toMatch(/['!]/u);
  });
});
