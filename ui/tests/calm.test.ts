import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { calm } from '../console/calm';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the first event is answered at once', () => {
  const run = vi.fn(() => Promise.resolve());
  calm(run)();
  expect(run).toHaveBeenCalledTimes(1);
});

test('a thousand events are answered twice: at once, and after the last of them', async () => {
  const run = vi.fn(() => Promise.resolve());
  const ask = calm(run, 250);
  for (let count = 0; count < 1000; count++) ask();
  await vi.advanceTimersByTimeAsync(249);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(run).toHaveBeenCalledTimes(2);
});

test('no two run at the same time, however slow the server is', async () => {
  let running = 0;
  let most = 0;
  const ask = calm(async () => {
    most = Math.max(most, ++running);
    await new Promise((done) => setTimeout(done, 5000));
    running--;
  });
  for (let second = 0; second < 30; second++) {
    ask();
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(most).toBe(1);
});

test('idle again, it answers at once', async () => {
  const run = vi.fn(() => Promise.resolve());
  const ask = calm(run);
  ask();
  await vi.advanceTimersByTimeAsync(1000);
  ask();
  expect(run).toHaveBeenCalledTimes(2);
});
