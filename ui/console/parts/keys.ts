// Single keys act on the page only while nothing else wants them.

const OWN = 'input:not([type=checkbox]), textarea, select, button, a, dialog, [role=menu]';

/** Whether a key pressed here belongs to the page, and not to a field, a button or a menu. */
export function forPage(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  return !(event.target instanceof Element && event.target.closest(OWN));
}
