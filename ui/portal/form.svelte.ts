// The ticket that is being written in a browser.

import type { Writable } from '../agent/new-ticket/form.svelte';
import { asFault, type Fault } from '../shared/errors';
import type { Context } from '../shared/gen/Context';
import type { Draft } from '../shared/gen/Draft';
import type { NewTicket } from '../shared/gen/NewTicket';
import { ApiError } from '../shared/http';
import { language } from '../shared/i18n.svelte';
import { newId } from '../shared/id';
import { api, type Received, type Session } from './api';
import { announcement, plainName, refusal, upload } from './files';
import { forget, keep, kept } from './kept';

/** How long typing has to rest before it is kept. */
const REST = 300;

export type Stage = 'writing' | 'sending' | 'waiting' | 'uploading' | 'stopped' | 'sent';

/** Whether an error leaves open what became of the ticket. */
export function unsure(error: Fault): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
}

export function emptyDraft(now: number): Draft {
  return {
    id: newId(),
    type: 'incident',
    subject: '',
    description: '',
    can_work: null,
    affected: 'me',
    files: [],
    removed_facts: [],
    updated_at: now,
  };
}

export class PortalForm implements Writable {
  draft = $state(emptyDraft(Date.now())) as Draft;
  screenshot = null;
  context = $state.raw() as Context;
  error = $state.raw<Fault>();
  stage = $state<Stage>('writing');
  number = $state<number>();
  /** Bytes that arrived, by file. */
  arrived = $state<Record<string, number>>({});
  private files = new Map<string, Blob>();
  private pending: NewTicket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly author: string;

  constructor(
    session: Session,
    /** Asks the person for files. */
    private readonly choose: () => void,
  ) {
    this.context = session.context as Context;
    this.author = session.confirmation?.requester_id ?? '';
  }

  /** Goes on with what the browser kept: a ticket that was on its way goes first. */
  async restore(): Promise<void> {
    const before = await kept(this.author);
    if (!before) return;
    this.draft = before.draft;
    this.files = before.files;
    this.pending = before.pending;
    if (this.pending) await this.deliver(this.pending);
  }

  typed(): void {
    if (this.error) this.error = undefined;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.keepNow(), REST);
  }

  async keepNow(): Promise<void> {
    clearTimeout(this.timer);
    await keep(this.author, { draft: $state.snapshot(this.draft), files: this.files, pending: this.pending });
  }

  async pickFiles(): Promise<void> {
    this.choose();
  }

  /** What is pasted as a picture is what the person wants to show. */
  add(files: Iterable<File>, pasted = false): void {
    for (const file of files) {
      const refused = refusal(this.draft.files, file.size);
      if (refused) {
        this.error = refused;
        break;
      }
      const shown = pasted && file.type === 'image/png' && !this.draft.files.some(({ role }) => role === 'screenshot');
      const id = newId();
      this.files.set(id, file);
      this.draft.files.push({ id, role: shown ? 'screenshot' : 'file', name: plainName(file.name), size: file.size });
    }
    if (!this.error) this.typed();
  }

  async removeFile(id: string): Promise<void> {
    this.draft.files = this.draft.files.filter((file) => file.id !== id);
    this.files.delete(id);
    this.typed();
  }

  async send(): Promise<void> {
    if (this.stage !== 'writing') return;
    if (this.draft.subject.trim() === '') {
      this.error = { code: 'subject_missing' };
      return;
    }
    this.stage = 'sending';
    this.error = undefined;
    try {
      this.pending = await this.written();
    } catch (error) {
      console.warn(error);
      this.stage = 'writing';
      this.error = { code: 'file_unreadable' };
      return;
    }
    await this.keepNow();
    await this.deliver(this.pending);
  }

  /** Once more, with what is known to have arrived left out. */
  async again(): Promise<void> {
    if (this.pending && ['waiting', 'stopped'].includes(this.stage)) await this.deliver(this.pending);
  }

  private async written(): Promise<NewTicket> {
    const { id, type, subject, description, can_work, affected, files, removed_facts } = $state.snapshot(this.draft);
    const context = Object.fromEntries(Object.entries(this.context).filter(([name]) => !removed_facts.includes(name)));
    const attachments = await Promise.all(files.map((file) => announcement(file, this.files.get(file.id) ?? new Blob())));
    const author = this.author;
    return {
      ...{ id, author, type, subject: subject.trim(), description, can_work, affected, attachments },
      context: context as Context,
      language: language(),
      written_at: Date.now(),
    };
  }

  private async deliver(ticket: NewTicket): Promise<void> {
    this.stage = 'sending';
    this.error = undefined;
    let received: Received;
    try {
      received = await api.send(ticket);
    } catch (cause) {
      return this.refused(asFault(cause));
    }
    this.number = received.number;
    await this.uploadAll(received);
  }

  /** One that may have arrived waits; one that did not is the person's again. */
  private async refused(error: Fault): Promise<void> {
    this.error = error;
    if (unsure(error)) {
      this.stage = 'waiting';
      return;
    }
    this.pending = null;
    // Another tab sent its own version under this id: what is written here is another ticket.
    if (error.code === 'content_conflict') {
      this.draft.id = newId();
      this.draft.files = this.draft.files.map((file) => this.renewed(file));
    }
    this.stage = 'writing';
    await this.keepNow();
  }

  private renewed(file: Draft['files'][number]): Draft['files'][number] {
    const id = newId();
    const content = this.files.get(file.id);
    if (content) this.files.set(id, content);
    this.files.delete(file.id);
    return { ...file, id };
  }

  private async uploadAll(received: Received): Promise<void> {
    this.stage = 'uploading';
    const missing = new Map(received.missing.map((file) => [file.id, file.received]));
    for (const file of this.draft.files) this.arrived[file.id] = missing.get(file.id) ?? file.size;
    try {
      for (const [id, from] of missing) {
        const content = this.files.get(id);
        if (!content) throw new ApiError(422, 'file_unreadable', 'the browser has lost a file');
        await upload(api.put, id, content, from, (bytes) => (this.arrived[id] = bytes));
      }
    } catch (cause) {
      this.error = asFault(cause);
      this.stage = 'stopped';
      return;
    }
    this.pending = null;
    clearTimeout(this.timer);
    await forget(this.author);
    this.stage = 'sent';
  }

  /** The next one. */
  renew(): void {
    this.draft = emptyDraft(Date.now());
    this.files = new Map();
    this.arrived = {};
    this.number = undefined;
    this.stage = 'writing';
  }
}
