// Fetching what a page shows, and fetching it again when it changed.

import { ApiError, type ConsoleEvent } from './api';
import { calm } from './calm';
import { onLive } from './live';
import { leave } from './session.svelte';

type Concerns = (event: ConsoleEvent) => boolean;

/** Fetches at the beginning, whenever what `load` reads changes, and for the events that concern it. */
function keepFresh(load: () => Promise<void>, refresh: () => Promise<void>, concerns: Concerns): void {
  $effect(() => void load());
  $effect(() => {
    const ask = calm(refresh);
    return onLive((event) => {
      if (!event || concerns(event)) ask();
    });
  });
}

/** A value from the server: on its way, there, or refused. */
export class Loaded<T> {
  value = $state.raw<T>();
  error = $state.raw<ApiError>();
  private turn = 0;

  constructor(
    private readonly fetch: () => Promise<T>,
    concerns: Concerns = () => false,
  ) {
    const load = () => this.load();
    keepFresh(load, load, concerns);
  }

  /** Fetches it again. An older answer that comes later is dropped. */
  async load(): Promise<void> {
    const turn = ++this.turn;
    try {
      const value = await this.fetch();
      if (turn === this.turn) this.show(value);
    } catch (error) {
      if (turn === this.turn) this.error = asApiError(error);
    }
  }

  /** What a command answered. What was asked before it is old. */
  show(value: T): void {
    this.turn++;
    this.value = value;
    this.error = undefined;
  }
}

export interface Slice {
  cursor?: string;
  limit?: number;
}
export interface Part<T> {
  rows: T[];
  total: number;
  /** There are more than `total`. */
  more?: boolean;
  next?: string | null;
}

/** Rows at most in one answer of the server. */
const PART_ROWS = 200;

/** A list that is shown part by part, and keeps its length when it is fetched again. */
export class Rows<T> {
  rows = $state.raw<T[]>([]);
  total = $state(0);
  /** There are more than `total`: counting ends somewhere. */
  uncounted = $state(false);
  next = $state<string | null>();
  /** Something was answered: an empty list is empty. */
  there = $state(false);
  error = $state.raw<ApiError>();
  private turn = 0;

  constructor(
    private readonly fetch: (slice: Slice) => Promise<Part<T>>,
    concerns: Concerns,
  ) {
    keepFresh(() => this.load(), () => this.refresh(), concerns);
  }

  /** The first part, in the place of everything. */
  load(): Promise<void> {
    return this.attempt(async () => this.fetch({}));
  }

  /** The same rows again, as they are now. */
  refresh(): Promise<void> {
    const shown = this.rows.length;
    return this.attempt(async () => {
      let part = await this.fetch({ limit: shown > 0 ? Math.min(shown, PART_ROWS) : undefined });
      while (part.rows.length < shown && part.next) {
        const more = await this.fetch({ cursor: part.next, limit: Math.min(shown - part.rows.length, PART_ROWS) });
        part = { ...more, rows: [...part.rows, ...more.rows] };
      }
      return part;
    });
  }

  more(limit?: number): Promise<void> {
    const { rows, next } = this;
    if (!next) return Promise.resolve();
    return this.attempt(async () => {
      const part = await this.fetch({ cursor: next, limit });
      return { ...part, rows: [...rows, ...part.rows] };
    });
  }

  private async attempt(fetch: () => Promise<Part<T>>): Promise<void> {
    const turn = ++this.turn;
    try {
      const part = await fetch();
      if (turn !== this.turn) return;
      this.rows = part.rows;
      this.total = part.total;
      this.uncounted = part.more ?? false;
      this.next = part.next;
      this.there = true;
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
