// What the server says at once: that something changed. Whoever shows it fetches it again.

import { type ConsoleEvent, liveAddress } from './api';

type Listener = (event: ConsoleEvent | undefined) => void;

const listeners = new Set<Listener>();
let source: EventSource | undefined;

/** Calls back for each event; without one where everything may have changed. */
export function onLive(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function startLive(): void {
  stopLive();
  source = new EventSource(liveAddress());
  let connected = false;
  source.onopen = () => {
    // Something may have happened while there was no connection.
    if (connected) tell(undefined);
    connected = true;
  };
  source.onmessage = (message: MessageEvent<string>) => tell(JSON.parse(message.data) as ConsoleEvent);
}

export function stopLive(): void {
  source?.close();
  source = undefined;
}

function tell(event: ConsoleEvent | undefined): void {
  for (const listener of listeners) listener(event);
}
