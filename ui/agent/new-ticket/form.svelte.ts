// The ticket that is being written. Everything typed is kept within a moment, on this PC.

import { asFault, type Fault } from '../../shared/errors';
import type { Area } from '../../shared/gen/Area';
import type { Context } from '../../shared/gen/Context';
import type { Draft } from '../../shared/gen/Draft';
import type { OutboxEntry } from '../../shared/gen/OutboxEntry';
import type { Screenshot } from '../../shared/gen/Screenshot';
import type { TicketForm } from '../../shared/gen/TicketForm';
import { agent, toBase64 } from '../agent';

/** How long typing has to rest before it is kept. */
const REST = 300;

/** What the parts of a form need of it; the page in a browser has a form of its own. */
export type Writable = Pick<FormState, 'draft' | 'screenshot' | 'context' | 'typed' | 'pickFiles' | 'removeFile'>;

export class FormState {
  draft = $state() as Draft;
  screenshot = $state.raw<Screenshot | null>(null);
  screenshotLost = $state(false);
  context = $state.raw() as Context;
  error = $state.raw<Fault>();
  sending = $state(false);
  /** Grows with each opening: the window puts the cursor into Subject then. */
  openings = $state(0);
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(form: TicketForm) {
    this.draft = form.draft;
    this.screenshot = form.screenshot;
    this.screenshotLost = form.screenshot_lost;
    this.context = form.context;
  }

  /** The window was opened again over a draft: the picture is new, the words stay. */
  opened(form: TicketForm): void {
    if (form.draft.id !== this.draft.id) this.draft = form.draft;
    this.screenshot = form.screenshot;
    this.screenshotLost = form.screenshot_lost;
    this.context = form.context;
    this.openings += 1;
  }

  typed(): void {
    if (this.error) this.error = undefined;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.saveNow(), REST);
  }

  async saveNow(): Promise<void> {
    clearTimeout(this.timer);
    await this.attempt(() => agent.saveDraft($state.snapshot(this.draft)));
  }

  async send(): Promise<OutboxEntry | undefined> {
    if (this.sending) return undefined;
    clearTimeout(this.timer);
    this.sending = true;
    const entry = await this.attempt(() => agent.submitTicket($state.snapshot(this.draft)));
    this.sending = false;
    return entry;
  }

  async discard(): Promise<void> {
    clearTimeout(this.timer);
    const fresh = await this.attempt(() => agent.discardDraft());
    if (!fresh) return;
    this.draft = fresh.draft;
    this.screenshot = fresh.screenshot;
    this.screenshotLost = fresh.screenshot_lost;
    this.openings += 1;
  }

  async pickFiles(): Promise<void> {
    await this.files(() => agent.pickFiles());
  }

  async drop(paths: string[]): Promise<void> {
    await this.files(() => agent.addFiles(paths));
  }

  async add(files: Iterable<File>): Promise<void> {
    for (const file of files) {
      const base64 = await toBase64(file);
      await this.files(() => agent.addFile({ name: file.name, base64 }));
    }
  }

  async removeFile(id: string): Promise<void> {
    await this.files(() => agent.removeFile(id));
  }

  private async files(change: () => Promise<Draft>): Promise<void> {
    const draft = await this.attempt(change);
    if (draft) this.draft.files = draft.files;
  }

  /** Whether the picture now hides exactly these areas. */
  async redact(areas: Area[]): Promise<boolean> {
    const screenshot = await this.attempt(() => agent.redact(areas));
    if (screenshot) this.screenshot = screenshot;
    return screenshot !== undefined;
  }

  async removeScreenshot(): Promise<void> {
    const removed = await this.attempt(() => agent.removeScreenshot().then(() => true));
    // One that could not be removed would be sent: it stays in sight, with the error.
    if (removed) this.screenshot = null;
  }

  async retakeScreenshot(): Promise<void> {
    await this.saveNow();
    const screenshot = await this.attempt(() => agent.retakeScreenshot());
    if (screenshot !== undefined) this.screenshot = screenshot;
    this.screenshotLost = false;
  }

  /** Runs a command; what it refuses is shown, and nothing else changes. */
  private async attempt<T>(command: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await command();
      this.error = undefined;
      return result;
    } catch (error) {
      this.error = asFault(error);
      return undefined;
    }
  }
}
