import { beforeEach, describe, expect, test } from 'vitest';
import en from '../locales/en.json';
import { errorField, errorText } from '../shared/errors';
import { setLanguage } from '../shared/i18n.svelte';

const types = import.meta.glob<string>('../shared/gen/*Code.ts', { query: '?raw', import: 'default', eager: true });

/** The words of a type that is generated from Rust: they exist in no program. */
function words(type: string): string[] {
  const source = types[`../shared/gen/${type}.ts`] ?? '';
  const body = source.slice(source.indexOf('export type'));
  return [...body.matchAll(/"(\w+)"/g)].map((match) => match[1] ?? '');
}

const texts: Record<string, string> = en;

beforeEach(() => setLanguage('en'));

describe('every code has a text', () => {
  test.each([...words('ErrorCode'), ...words('LocalErrorCode')])('error %s', (code) => {
    // What counts tries or minutes has a text for each number.
    const keys = [`error.${code}`, `error.${code}.other`];
    expect(keys.some((key) => key in texts)).toBe(true);
    if (code !== 'internal') expect(errorText({ code })).not.toBe(texts['error.internal']);
  });

  test.each(words('ProblemCode'))('problem %s', (code) => expect(texts).toHaveProperty([`problem.${code}`]));

  test('and there are as many as the types say', () => {
    expect(words('ErrorCode').length).toBeGreaterThan(50);
    expect(words('LocalErrorCode').length).toBeGreaterThan(10);
    expect(words('ProblemCode').length).toBeGreaterThan(20);
  });
});

describe('a text says what can be done', () => {
  test('how many tries are left', () => {
    expect(errorText({ code: 'token_wrong', details: { tries_left: 4 } })).toContain('4 attempts left');
    expect(errorText({ code: 'token_wrong', details: { tries_left: 1 } })).toContain('1 attempt left');
    expect(errorText({ code: 'token_wrong', details: { tries_left: 0 } })).toContain('cannot be tried again');
  });

  test('when to try again, in whole minutes and never in none', () => {
    expect(errorText({ code: 'too_many_requests', details: { retry_after: 541 } })).toContain('10 minutes');
    expect(errorText({ code: 'too_many_requests', details: { retry_after: 2 } })).toContain('1 minute.');
  });

  test('which domains are right, and which size', () => {
    const domains = ['northwind.example', 'nw.example'];
    expect(errorText({ code: 'domain_foreign', details: { domains } })).toContain('northwind.example, nw.example');
    expect(errorText({ code: 'file_too_large', details: { limit: 25 * 1024 * 1024 } })).toMatch(/25\sMB/);
    expect(errorText({ code: 'subject_too_long', details: { limit: 200 } })).toContain('200 characters');
  });

  test('even where nobody knows the code', () => {
    expect(errorText({ code: 'invented_later' })).toBe(texts['error.internal']);
  });

  test('beside the field that it is about', () => {
    expect(errorField({ code: 'domain_foreign' })).toBe('email');
    expect(errorField({ code: 'subject_missing' })).toBe('subject');
    expect(errorField({ code: 'malformed', details: { field: 'name' } })).toBe('name');
    expect(errorField({ code: 'offline' })).toBeUndefined();
  });
});
