import '../shared/look';
import { mount } from 'svelte';
import { preferred, setLanguage } from '../shared/i18n.svelte';
import App from './App.svelte';

setLanguage(preferred(navigator.languages));
const target = document.getElementById('app');
if (target) mount(App, { target });
