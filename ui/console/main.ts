import '../shared/look';
import './console.css';

import { mount } from 'svelte';

import { preferred, setLanguage } from '../shared/i18n.svelte';
import App from './App.svelte';
import { begin } from './session.svelte';
import { restoreTheme } from './theme.svelte';

setLanguage(preferred(navigator.languages));
restoreTheme();
mount(App, { target: document.querySelector('#app') ?? document.body });
void begin();
