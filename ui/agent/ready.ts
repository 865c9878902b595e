// A window is ready when it shows its data: the agent shows it then, and tests wait for this mark.

import { tick } from 'svelte';
import { agent } from './agent';

export async function markReady(): Promise<void> {
  await tick();
  document.documentElement.dataset.ready = 'true';
  void agent.windowReady();
}
