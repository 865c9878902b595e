// Texts by key, in the language of whoever reads. The files are the same as the ones that tray,
// notifications and mails use.

import en from '../locales/en.json';
import fr from '../locales/fr.json';
import type { Language } from './gen/Language';

export type Key = keyof typeof en;
type Values = Record<string, string | number>;

const TEXTS: Record<Language, Record<Key, string>> = { en, fr };

const LOCALES: Record<Language, string> = { en: 'en-GB', fr: 'fr-FR' };

let current = $state<Language>('en');

export function language(): Language {
  return current;
}

/** How times, dates and numbers are written: the 24-hour clock, the day before the month. */
export function locale(): string {
  return LOCALES[current];
}

export function setLanguage(language: Language): void {
  current = language;
  document.documentElement.lang = language;
}

/** The language of a browser, or English where we have none of its languages. */
export function preferred(languages: readonly string[]): Language {
  const codes = languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return codes.find((code): code is Language => code in TEXTS) ?? 'en';
}

/** The text of a key, with `{name}` replaced by the value of that name. */
export function t(key: Key, values: Values = {}): string {
  return fill(TEXTS[current][key], values);
}

/** One of `<key>.one` and `<key>.other`, by the rules of the language; `{count}` is the number. */
export function counted(key: string, count: number, values: Values = {}): string {
  const rule = new Intl.PluralRules(current).select(count) === 'one' ? 'one' : 'other';
  return t(`${key}.${rule}` as Key, { count: number(count), ...values });
}

/** The text of a key that is put together, or nothing where there is none. */
export function find(key: string, values: Values = {}): string | undefined {
  const text: string | undefined = TEXTS[current][key as Key];
  return text === undefined ? undefined : fill(text, values);
}

export function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}
