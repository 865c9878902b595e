import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { onLive, startLive, stopLive } from '../console/live';

/** As much of a browser's EventSource as the console uses. */
class Source {
  static readonly CLOSED = 2;
  static made: Source[] = [];
  readyState = 0;
  onopen?: () => void;
  onmessage?: (message: { data: string }) => void;
  onerror?: () => void;
  constructor(readonly address: string) {
    Source.made.push(this);
  }
  close() {
    this.readyState = Source.CLOSED;
  }
}
const connect = (address: string) => new Source(address) as unknown as EventSource;
const latest = () => Source.made.at(-1) as Source;
const heard: unknown[] = [];
const states: boolean[] = [];
let stop = () => {};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Source);
  Source.made = [];
  heard.length = 0;
  states.length = 0;
  stop = onLive((event) => heard.push(event?.event ?? 'everything'));
  startLive((connected) => states.push(connected), connect);
});
afterEach(() => {
  stop();
  stopLive();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('an event reaches whoever listens', () => {
  latest().onmessage?.({ data: '{"event":"ticket","id":"1","client":"2"}' });
  expect(heard).toEqual(['ticket']);
});

test('whatever connects has perhaps missed something', () => {
  latest().onopen?.();
  expect(heard).toEqual(['everything']);
});

test('after an answer that is an error it connects again, ever more slowly', () => {
  for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const before = Source.made.length;
    latest().readyState = Source.CLOSED;
    latest().onerror?.();
    vi.advanceTimersByTime(pause - 1);
    expect(Source.made).toHaveLength(before);
    vi.advanceTimersByTime(1);
    expect(Source.made).toHaveLength(before + 1);
  }
  latest().onopen?.();
  latest().readyState = Source.CLOSED;
  latest().onerror?.();
  vi.advanceTimersByTime(1000);
  expect(Source.made).toHaveLength(9);
});

test('a broken connection is left to the browser', () => {
  latest().onerror?.();
  vi.advanceTimersByTime(60_000);
  expect(Source.made).toHaveLength(1);
});

test('nothing connects again once it was stopped', () => {
  latest().readyState = Source.CLOSED;
  latest().onerror?.();
  stopLive();
  vi.advanceTimersByTime(60_000);
  expect(Source.made).toHaveLength(1);
});

test('it says whether it is connected', () => {
  latest().onopen?.();
  latest().onerror?.();
  latest().onopen?.();
  expect(states).toEqual([true, false, true]);
});
