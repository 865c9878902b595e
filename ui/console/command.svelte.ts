// Something that a technician asked for: on its way, done, or refused.

import type { ApiError } from './api';
import { asApiError } from './load.svelte';

export class Command {
  error = $state.raw<ApiError>();
  busy = $state(false);

  /** Runs it, unless one is running. Whether it was done. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      await work();
      this.error = undefined;
      return true;
    } catch (cause) {
      this.error = asApiError(cause);
      return false;
    } finally {
      this.busy = false;
    }
  }

  forget(): void {
    this.error = undefined;
  }
}
