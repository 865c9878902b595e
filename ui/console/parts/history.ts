// What somebody did, in words.

import type { HistoryEntry } from '../api';

type Find = (key: string, values?: Record<string, string | number>) => string | undefined;

/**
 * The text of an entry: by its action, and for decisions by what was decided where. A client's
 * history speaks of many devices, a device's of *this device*.
 */
export function historyText(entry: HistoryEntry, of: 'client' | 'device', find: Find): string | undefined {
  const detail = (entry.detail ?? {}) as Record<string, unknown>;
  const values = Object.fromEntries(
    Object.entries(detail).filter((pair): pair is [string, string | number] => ['string', 'number'].includes(typeof pair[1])),
  );
  if (entry.action === 'enablement.changed') {
    const to = detail.to === true ? 'on' : detail.to === false ? 'off' : 'inherit';
    const key = `console.history.enablement.${to}.${String(detail.level)}`;
    return (of === 'client' ? find(`${key}.of_client`, values) : undefined) ?? find(key, values);
  }
  if (entry.action === 'registration.changed') {
    return find(`console.history.registration.${String(detail.to ?? detail.registration)}`, values);
  }
  if (entry.action === 'agent_settings.changed') {
    return find(`console.history.agent_settings.${detail.to === null ? 'unset' : 'changed'}`, values);
  }
  const key = `console.history.${entry.action}`;
  return (of === 'client' ? find(`${key}.of_client`, values) : undefined) ?? find(key, values);
}
