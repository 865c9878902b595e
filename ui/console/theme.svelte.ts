// The theme belongs to the browser, not to the person: another screen may be brighter.

import type { Theme } from '../shared/gen/Theme';
import { setTheme } from '../shared/look';

const NAME = 'deskbell-theme';
let theme = $state<Theme>('system');

export function currentTheme(): Theme {
  return theme;
}

export function chooseTheme(choice: Theme): void {
  theme = choice;
  localStorage.setItem(NAME, choice);
  setTheme(choice);
}

export function restoreTheme(): void {
  const kept = localStorage.getItem(NAME);
  if (kept === 'light' || kept === 'dark') chooseTheme(kept);
}
