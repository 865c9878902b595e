// What every page of ours is drawn with.

import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './tokens.css';
import './style.css';

import type { Theme } from './gen/Theme';

/** The system's theme, unless the person has chosen one. */
export function setTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
