// What was written and not sent yet: it survives leaving the ticket, and the end of the session.
// It stays in this tab, and each technician finds only their own.

export interface Draft {
  /** The message's id, the same until it is sent: sending again is sending once. */
  id: string;
  kind: 'reply' | 'note';
  text: string;
}

type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

const PREFIX = 'deskbell-draft:';
const place = (technician: string, ticket: string) => `${PREFIX}${technician}:${ticket}`;

export function readDraft(technician: string, ticket: string, shelf: Shelf = sessionStorage): Draft | undefined {
  try {
    const kept: unknown = JSON.parse(shelf.getItem(place(technician, ticket)) ?? 'null');
    return isDraft(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

function isDraft(kept: unknown): kept is Draft {
  if (typeof kept !== 'object' || kept === null) return false;
  const { id, kind, text } = kept as Record<string, unknown>;
  return typeof id === 'string' && typeof text === 'string' && (kind === 'reply' || kind === 'note');
}

export function keepDraft(technician: string, ticket: string, draft: Draft, shelf: Shelf = sessionStorage): void {
  try {
    if (draft.text.trim() === '') shelf.removeItem(place(technician, ticket));
    else shelf.setItem(place(technician, ticket), JSON.stringify(draft));
  } catch {
    // A full or forbidden storage: the text stays in its field, as it would without drafts.
  }
}

/** Whoever signs out leaves nothing behind. */
export function forgetDrafts(technician: string, shelf: Shelf = sessionStorage): void {
  const names = Array.from({ length: shelf.length }, (_, index) => shelf.key(index) ?? '');
  for (const name of names.filter((name) => name.startsWith(`${PREFIX}${technician}:`))) shelf.removeItem(name);
}
