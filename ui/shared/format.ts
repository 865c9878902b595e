// Times, sizes and names, as people write them.

import { locale, number, t } from './i18n.svelte';

const DAY = 24 * 60 * 60 * 1000;

/** The last moment, and by its negative the first one, that a date can hold (ECMA-262, section 21.4.1.1). */
const END_OF_TIME = 8.64e15;

/** Any number can come from a device's clock, and one that is no moment must not take the page with it. */
function write(at: number, parts: Intl.DateTimeFormatOptions): string {
  return Math.abs(at) <= END_OF_TIME ? new Intl.DateTimeFormat(locale(), parts).format(at) : '–';
}

function time(at: number): string {
  return write(at, { hour: '2-digit', minute: '2-digit' });
}

function dayOf(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** For lists: the time today, *yesterday*, the day before that. */
export function shortTime(at: number, now: number): string {
  const days = Math.round((dayOf(now) - dayOf(at)) / DAY);
  if (days <= 0) return time(at);
  if (days === 1) return t('common.yesterday');
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  const year = sameYear ? {} : ({ year: 'numeric' } as const);
  return write(at, { day: 'numeric', month: 'short', ...year });
}

/** Day and time, in full where it is not today. */
export function dayAndTime(at: number, now: number): string {
  const days = Math.round((dayOf(now) - dayOf(at)) / DAY);
  if (days === 0) return t('common.today_at', { time: time(at) });
  if (days === 1) return t('common.yesterday_at', { time: time(at) });
  return fullTime(at);
}

export function fullTime(at: number): string {
  return write(at, { dateStyle: 'medium', timeStyle: 'short' });
}

export function date(at: number): string {
  return write(at, { dateStyle: 'long' });
}

export const clock = time;

/** How long ago, in the largest unit that fits. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return t('common.just_now');
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' });
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), 'hour');
  return relative.format(-Math.floor(seconds / 86_400), 'day');
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** A size in units of 1024, with at most one decimal: 3.4 MB, 3,4 Mo. */
export function bytes(size: number): string {
  const step = size < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(size) / 10));
  const value = size / 1024 ** step;
  const digits = new Intl.NumberFormat(locale(), { maximumFractionDigits: step > 1 && value < 100 ? 1 : 0 });
  return t(`common.unit.${UNITS[step] ?? 'B'}` as 'common.unit.B', { value: digits.format(value) });
}

export function percent(part: number): string {
  return new Intl.NumberFormat(locale(), { style: 'percent' }).format(part);
}

export function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return t('common.duration.days', { days: number(days), hours });
  if (hours > 0) return t('common.duration.hours', { hours, minutes });
  return t('common.duration.minutes', { minutes });
}

/** The first letters of the first and the last name. */
export function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  const first = words[0] ?? '';
  const last = words.length > 1 ? (words[words.length - 1] ?? '') : '';
  return ([...first][0] ?? '?').toUpperCase() + ([...last][0] ?? '').toUpperCase();
}

const TINTS = ['violet', 'teal', 'rose', 'sand', 'sky'] as const;

/** The same colour for the same name, everywhere. */
export function tint(name: string): (typeof TINTS)[number] {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return TINTS[sum % TINTS.length] ?? 'sky';
}
