// Fetching what a page shows, and fetching it again when it changed.

import { ApiError, type ConsoleEvent } from './api';
import { onLive } from './live';
import { leave } from './session.svelte';

/** A value from the server: on its way, there, or refused. */
export class Loaded<T> {
  value = $state.raw<T>();
  error = $state.raw<ApiError>();
  private turn = 0;

  constructor(
    private readonly fetch: () => Promise<T>,
    concerns: (event: ConsoleEvent) => boolean = () => false,
  ) {
    $effect(() => {
      void this.load();
      return onLive((event) => {
        if (!event || concerns(event)) void this.load();
      });
    });
  }

  /** Fetches it again. An older answer that comes later is dropped. */
  async load(): Promise<void> {
    const turn = ++this.turn;
    try {
      const value = await this.fetch();
      if (turn !== this.turn) return;
      this.value = value;
      this.error = undefined;
    } catch (error) {
      if (turn === this.turn) this.error = asApiError(error);
    }
  }
}

/** An error of the server; that the session has ended leads to the sign-in. */
export function asApiError(error: unknown): ApiError {
  if (!(error instanceof ApiError)) {
    console.error(error);
    return new ApiError(0, 'internal', String(error));
  }
  if (error.code === 'not_signed_in') leave();
  return error;
}
