// What somebody is writing into a conversation. It stays while the program runs, whichever ticket
// is looked at in between.

export class ReplyDraft {
  text = $state('');
  files = $state.raw<File[]>([]);

  add(files: Iterable<File>): void {
    this.files = [...this.files, ...files];
  }

  remove(file: File): void {
    this.files = this.files.filter((kept) => kept !== file);
  }

  /** What was sent is gone; what was written meanwhile is not. */
  sent(text: string, files: readonly File[]): void {
    if (this.text.startsWith(text)) this.text = this.text.slice(text.length);
    this.files = this.files.filter((file) => !files.includes(file));
  }
}

const drafts = new Map<string, ReplyDraft>();

export function replyDraft(ticket: string): ReplyDraft {
  const draft = drafts.get(ticket) ?? new ReplyDraft();
  drafts.set(ticket, draft);
  return draft;
}

/** Whether no reply waits here for its person, who has it nowhere else. */
export function nothingWritten(): boolean {
  return [...drafts.values()].every((draft) => draft.text.trim() === '' && draft.files.length === 0);
}
