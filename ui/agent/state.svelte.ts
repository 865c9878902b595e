// What every window knows: the agent's status.

import type { AgentStatus } from '../shared/gen/AgentStatus';
import { setLanguage } from '../shared/i18n.svelte';
import { setTheme } from '../shared/look';
import { on } from './agent';

let current = $state.raw<AgentStatus>();

/** Follows the agent from the first status on. */
export function begin(first: AgentStatus): void {
  take(first);
  on('status', take);
}

function take(status: AgentStatus): void {
  current = status;
  setLanguage(status.language);
  setTheme(status.theme);
}

export function status(): AgentStatus {
  if (!current) throw new Error('a window asks before it has begun');
  return current;
}

/** Whether tickets may be written here. */
export function usable(): boolean {
  const state = status().state;
  return state?.registration === 'accepted' && state.enabled;
}
