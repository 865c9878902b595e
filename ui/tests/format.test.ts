import { beforeEach, describe, expect, test } from 'vitest';
import { ago, bytes, clock, date, dayAndTime, duration, fullTime, initials, shortTime, tint } from '../shared/format';
import { counted, find, preferred, setLanguage, t } from '../shared/i18n.svelte';

const NOW = new Date(2026, 10, 21, 15, 4).getTime();
const HOUR = 3_600_000;

beforeEach(() => setLanguage('en'));

describe('times', () => {
  test('that are none are written as not known', () => {
    for (const at of [9_223_372_036_854_775_807, -9_223_372_036_854_775_808, Number.NaN]) {
      for (const text of [shortTime(at, NOW), dayAndTime(at, NOW), fullTime(at), date(at), clock(at)]) {
        expect(text).toContain('–');
      }
    }
    expect(fullTime(8.64e15)).toContain('275');
  });

  test('are written on the 24-hour clock, in both languages', () => {
    expect(clock(NOW)).toBe('15:04');
    setLanguage('fr');
    expect(clock(NOW)).toBe('15:04');
  });

  test('in lists name the day once it is over', () => {
    expect(shortTime(NOW - HOUR, NOW)).toBe('14:04');
    expect(shortTime(NOW - 24 * HOUR, NOW)).toBe('yesterday');
    expect(shortTime(NOW - 9 * 24 * HOUR, NOW)).toBe('12 Nov');
    expect(shortTime(new Date(2025, 2, 12).getTime(), NOW)).toBe('12 Mar 2025');
  });

  test('near midnight count days, not hours', () => {
    const early = new Date(2026, 10, 21, 0, 10).getTime();
    expect(shortTime(early - 20 * 60_000, early)).toBe('yesterday');
  });

  test('in conversations say today and yesterday', () => {
    setLanguage('fr');
    expect(dayAndTime(NOW, NOW)).toBe('aujourd’hui à 15:04');
    expect(dayAndTime(NOW - 24 * HOUR, NOW)).toBe('hier à 15:04');
  });

  test('from a clock that is ahead of ours are just now', () => {
    expect(ago(NOW + HOUR, NOW)).toBe('just now');
    expect(ago(NOW - 5 * 60_000, NOW)).toBe('5 minutes ago');
  });
});

describe('sizes and durations', () => {
  test.each([
    [0, '0 B'],
    [1023, '1,023 B'],
    [18_400, '18 KB'],
    [3_565_158, '3.4 MB'],
    [25 * 1024 * 1024, '25 MB'],
    [512e9, '477 GB'],
  ])('%d bytes', (size, text) => {
    expect(bytes(size).replace(/\s/g, ' ')).toBe(text);
  });

  test('are French in French', () => {
    setLanguage('fr');
    expect(bytes(3_565_158)).toBe('3,4\u00a0Mo');
  });

  test('drop what is too small to matter', () => {
    expect(duration(93_600).replace(/\s/g, ' ')).toBe('1 d 2 h');
    expect(duration(59).replace(/\s/g, ' ')).toBe('0 min');
  });
});

describe('people', () => {
  test.each([
    ['Camille Martin', 'CM'],
    ['Jean-Luc de la Tour', 'JT'],
    ['Élodie', 'É'],
    ['', '?'],
    ['𝒵oe 😀', '𝒵😀'],
  ])('%s', (name, letters) => expect(initials(name)).toBe(letters));

  test('keep their colour', () => expect(tint('Camille Martin')).toBe(tint('Camille Martin')));
});

describe('texts', () => {
  test('put values into their places', () => {
    expect(t('agent.result.sent', { number: 4821 })).toBe('Ticket #4821 sent');
    setLanguage('fr');
    expect(t('agent.result.sent', { number: 4821 })).toBe('Ticket nº\u00a04821 envoyé');
  });

  test('keep what a value says from being read as a place', () => {
    expect(t('agent.redact.remove', { number: '{number}' })).toContain('{number}');
  });

  test('count by the rules of the language: zero is one in French', () => {
    expect(counted('error.token_wrong', 0)).toContain('0 attempts');
    setLanguage('fr');
    expect(counted('error.token_wrong', 0)).toMatch(/0\s?essai\./u);
  });

  test('that nobody wrote are nothing', () => expect(find('error.never_heard_of')).toBeUndefined());

  test('follow the first language that we have', () => {
    expect(preferred(['de-DE', 'fr-CA', 'en'])).toBe('fr');
    expect(preferred(['de'])).toBe('en');
  });
});
