import '../shared/look';
import './window.css';

import { type Component, mount } from 'svelte';
import { agent, label } from './agent';
import NewTicket from './NewTicket.svelte';
import Settings from './Settings.svelte';
import { begin } from './state.svelte';
import Tickets from './Tickets.svelte';

// The agent makes three windows of this one page; a window's label says which it is.
const WINDOWS: Record<string, Component> = {
  'new-ticket': NewTicket,
  settings: Settings,
  tickets: Tickets,
};

async function start(): Promise<void> {
  begin(await agent.status());
  const target = document.getElementById('app');
  const window = WINDOWS[label()];
  if (target && window) mount(window, { target });
}

void start();
