// A window is ready when it shows its data: tests, and nobody else, wait for this mark.

import { tick } from 'svelte';

export async function markReady(): Promise<void> {
  await tick();
  document.documentElement.dataset.ready = 'true';
}
