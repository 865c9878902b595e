// What somebody did, in words.

import type { HistoryEntry } from '../api';

type Find = (key: string, values?: Record<string, string | number>) => string | undefined;

/** The text of an entry: by its action, and for decisions by what was decided where. */
export function historyText(entry: HistoryEntry, find: Find): string | undefined {
  const detail = (entry.detail ?? {}) as Record<string, unknown>;
  const values = Object.fromEntries(
    Object.entries(detail).filter((pair): pair is [string, string | number] => ['string', 'number'].includes(typeof pair[1])),
  );
  if (entry.action === 'enablement.changed') {
    const to = detail.to === true ? 'on' : detail.to === false ? 'off' : 'inherit';
    return find(`console.history.enablement.${to}.${String(detail.level)}`, values);
  }
  if (entry.action === 'registration.changed') {
    return find(`console.history.registration.${String(detail.to ?? detail.registration)}`, values);
  }
  return find(`console.history.${entry.action}`, values);
}
