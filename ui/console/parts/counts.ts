// How many there are, as far as the server counted.

import { number } from '../../shared/i18n.svelte';

/** The server counts up to here, and says one more where there are more. */
const COUNTED = 1000;

export function count(total: number, more = total > COUNTED): string {
  return more ? `${number(total > COUNTED ? COUNTED : total)}+` : number(total);
}
