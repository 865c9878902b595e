import '../shared/look';
import './portal.css';

import { mount } from 'svelte';

import { preferred, setLanguage } from '../shared/i18n.svelte';
import App from './App.svelte';

setLanguage(preferred(navigator.languages));
mount(App, { target: document.querySelector('#app') ?? document.body });
