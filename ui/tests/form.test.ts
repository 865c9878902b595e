import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FormState } from '../agent/new-ticket/form.svelte';
import { replyDraft } from '../agent/tickets/reply.svelte';
import type { Draft } from '../shared/gen/Draft';
import type { TicketForm } from '../shared/gen/TicketForm';

/** What the agent was asked for, and what it answers. */
const invoke = vi.fn<(command: string, args: Record<string, unknown>) => Promise<unknown>>();
vi.stubGlobal('window', { __TAURI_INTERNALS__: { invoke } });

const draft: Draft = {
  id: 'one',
  type: 'incident',
  subject: '',
  description: '',
  can_work: null,
  affected: 'me',
  files: [],
  removed_facts: [],
  updated_at: 0,
};
const shot = { width: 10, height: 10, taken_at: 0, by_hotkey: true, redactions: [], size: 1, version: 1 };

function opened(change: Partial<TicketForm> = {}): TicketForm {
  return { draft: structuredClone(draft), screenshot: shot, screenshot_lost: false, context: {} as TicketForm['context'], ...change };
}

const asked = () => invoke.mock.calls.map(([command]) => command);

beforeEach(() => {
  vi.useFakeTimers();
  invoke.mockReset().mockResolvedValue(undefined);
});
afterEach(() => vi.useRealTimers());

describe('what is typed', () => {
  test('is kept once typing rests, and only then', async () => {
    const form = new FormState(opened());
    for (const subject of ['B', 'Bl', 'Blank']) {
      form.draft.subject = subject;
      form.typed();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(asked()).toEqual([]);
    await vi.advanceTimersByTimeAsync(300);
    expect(invoke.mock.calls).toEqual([['save_draft', { draft: { ...draft, subject: 'Blank' } }, undefined]]);
  });

  test('is not kept as a draft any more once it was sent', async () => {
    const form = new FormState(opened());
    form.typed();
    await form.send();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toEqual(['submit_ticket']);
  });

  test('stays where sending was refused, with the reason', async () => {
    invoke.mockRejectedValue({ code: 'disk_full', message: '', details: {} });
    const form = new FormState(opened());
    form.draft.subject = 'Blank';
    expect(await form.send()).toBeUndefined();
    expect([form.draft.subject, form.error?.code, form.sending]).toEqual(['Blank', 'disk_full', false]);
  });

  test('goes once, however often the key is pressed', async () => {
    const form = new FormState(opened());
    await Promise.all([form.send(), form.send(), form.send()]);
    expect(asked()).toEqual(['submit_ticket']);
  });

  test('stays when the window is opened again; the picture is the new one', () => {
    const form = new FormState(opened());
    form.draft.subject = 'Half of it';
    form.opened(opened({ screenshot: { ...shot, version: 2 } }));
    expect([form.draft.subject, form.screenshot?.version, form.openings]).toEqual(['Half of it', 2, 1]);
  });
});

describe('files and pictures', () => {
  test('change neither the words nor anything else of the draft', async () => {
    const form = new FormState(opened());
    form.draft.subject = 'Not kept yet';
    const file = { id: 'f', role: 'file', name: 'a.log', size: 1 } as const;
    invoke.mockResolvedValue({ ...draft, files: [file] });
    await form.pickFiles();
    expect([form.draft.subject, form.draft.files]).toEqual(['Not kept yet', [file]]);
  });

  test('a refused redaction is not taken for done', async () => {
    const form = new FormState(opened());
    invoke.mockRejectedValue({ code: 'screenshot_unavailable' });
    expect(await form.redact([{ x: 0, y: 0, width: 1, height: 1 }])).toBe(false);
    expect(form.screenshot).toEqual(shot);
  });

  test('a fault that is no answer of the agent is one of ours', async () => {
    const silent = vi.spyOn(console, 'error').mockReturnValue(undefined);
    invoke.mockRejectedValue(new TypeError('broken'));
    const form = new FormState(opened());
    await form.removeFile('f');
    expect(form.error).toEqual({ code: 'internal' });
    expect(silent).toHaveBeenCalledOnce();
  });
});

describe('a reply', () => {
  test('waits for its writer, whichever ticket is read in between', () => {
    replyDraft('A').text = 'Yes, the one at';
    replyDraft('B').text = 'Thanks';
    expect(replyDraft('A').text).toBe('Yes, the one at');
  });

  test('loses what was sent, and nothing that was written meanwhile', () => {
    const reply = replyDraft('C');
    const [first, second] = [new File(['1'], '1.txt'), new File(['2'], '2.txt')];
    reply.text = 'Sent. And more';
    reply.add([first]);
    reply.add([second]);
    reply.sent('Sent.', [first]);
    expect([reply.text, reply.files]).toEqual([' And more', [second]]);
  });
});
