// What a decision would do, in words.

import { t } from '../../shared/i18n.svelte';
import type { Rehearsal } from '../api';

export function rehearsalText(rehearsal: Rehearsal | undefined): string | undefined {
  if (!rehearsal) return undefined;
  const { turns_on: on, turns_off: off, unchanged } = rehearsal;
  const parts = [
    on > 0 ? t('console.rehearsal.on', { count: on }) : undefined,
    off > 0 ? t('console.rehearsal.off', { count: off }) : undefined,
    unchanged > 0 ? t('console.rehearsal.unchanged', { count: unchanged }) : undefined,
  ].filter((part) => part !== undefined);
  const text = parts.join(', ');
  return text === '' ? undefined : text.charAt(0).toUpperCase() + text.slice(1);
}
