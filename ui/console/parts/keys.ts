// Single keys act on the page only while nothing else wants them.

import { singleKeys } from './single-keys.svelte';

/** Where letters are typed, or choose something. */
const TYPED_INTO = 'input:not([type=checkbox]), textarea, select, dialog, [role=menu]';
/** What Enter and Space press. */
const PRESSED = 'button, a, summary, input';

interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  defaultPrevented: boolean;
}
interface Around {
  /** Whether the focus is within such elements. */
  within: (selector: string) => boolean;
  sheetOpen: boolean;
  single: boolean;
}

/** Whether a key belongs to the page, and not to a field, a button, a menu or a sheet. */
export function belongsToPage(press: Press, around: Around): boolean {
  if (press.ctrlKey || press.metaKey || press.altKey || press.defaultPrevented || around.sheetOpen) return false;
  if (around.within(TYPED_INTO)) return false;
  if (press.key === 'Enter' || press.key === ' ') return !around.within(PRESSED);
  return press.key.length > 1 || around.single;
}

export function forPage(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : undefined;
  return belongsToPage(event, {
    within: (selector) => Boolean(target?.closest(selector)),
    sheetOpen: document.querySelector('dialog[open]') !== null,
    single: singleKeys(),
  });
}
