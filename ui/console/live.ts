// What the server says at once: that something changed. Whoever shows it fetches it again.

import { type ConsoleEvent, liveAddress } from './api';

type Listener = (event: ConsoleEvent | undefined) => void;
type Connect = (address: string) => EventSource;
type Report = (connected: boolean) => void;

/** How long to wait before connecting again, at first and at most. */
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

const listeners = new Set<Listener>();
let source: EventSource | undefined;
let waiting: ReturnType<typeof setTimeout> | undefined;

/** Calls back for each event; without one where everything may have changed. */
export function onLive(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function startLive(report: Report, connect: Connect = (address) => new EventSource(address)): void {
  stopLive();
  follow(report, connect, FIRST_MS);
}

export function stopLive(): void {
  source?.close();
  source = undefined;
  clearTimeout(waiting);
}

function follow(report: Report, connect: Connect, pause: number): void {
  const current = connect(liveAddress());
  source = current;
  current.onopen = () => {
    pause = FIRST_MS;
    report(true);
    // What a page fetched before it could listen may have changed in between.
    tell(undefined);
  };
  current.onmessage = (message: MessageEvent<string>) => tell(JSON.parse(message.data) as ConsoleEvent);
  current.onerror = () => {
    if (current !== source) return;
    report(false);
    // After a broken connection the browser tries again by itself; after an answer that is an error
    // (a proxy while the server restarts) it gives up for good.
    if (current.readyState !== EventSource.CLOSED) return;
    waiting = setTimeout(() => follow(report, connect, Math.min(pause * 2, LONGEST_MS)), pause);
    // Perhaps the session is over: fetching tells.
    tell(undefined);
  };
}

function tell(event: ConsoleEvent | undefined): void {
  for (const listener of [...listeners]) listener(event);
}
