// What technicians choose for themselves, as the entries of a menu.

import { language, t } from '../shared/i18n.svelte';
import type { Entry } from './parts/Menu.svelte';
import { chooseLanguage, signOut } from './session.svelte';
import { chooseTheme, currentTheme } from './theme.svelte';

const LANGUAGES = { en: 'English', fr: 'Français' } as const;
const THEMES = ['system', 'light', 'dark'] as const;

export function languages(): Entry[] {
  return (['en', 'fr'] as const).map((each) => ({
    label: LANGUAGES[each],
    checked: language() === each,
    run: () => chooseLanguage(each),
  }));
}

export function themes(): Entry[] {
  return THEMES.map((each) => ({
    label: t(`common.theme.${each}`),
    checked: currentTheme() === each,
    run: () => chooseTheme(each),
  }));
}

export function accountMenu(onshortcuts: () => void): Entry[] {
  return [
    { heading: t('console.language') },
    ...languages(),
    { heading: t('console.theme') },
    ...themes(),
    'line',
    { id: 'shortcuts', icon: 'keyboard', label: t('console.shortcuts'), run: onshortcuts },
    { id: 'sign-out', icon: 'logout', label: t('console.sign_out'), run: signOut },
  ];
}
