import { expect, test } from 'vitest';
import { nothingWritten, replyDraft } from '../agent/tickets/reply.svelte';

test('a window with half a reply in it is not let go', () => {
  expect(nothingWritten()).toBe(true);
  const reply = replyDraft('a ticket');
  reply.text = 'Half a thought';
  expect(nothingWritten()).toBe(false);
  reply.text = '';
  reply.add([new File(['x'], 'x.txt')]);
  expect(nothingWritten()).toBe(false);
  for (const file of reply.files) reply.remove(file);
  expect(nothingWritten()).toBe(true);
});
