// Files of a ticket: what may be added, what is said of them, and how they travel.

import type { Fault } from '../shared/errors';
import type { DraftFile } from '../shared/gen/DraftFile';
import type { NewAttachment } from '../shared/gen/NewAttachment';
import { ApiError } from '../shared/http';
import { FILE_BYTES, FILES, PIECE_BYTES, TICKET_BYTES } from '../shared/limits';
import type { Progress } from './api';

/** Why one more file does not fit; nothing where it does. */
export function refusal(files: readonly Pick<DraftFile, 'size'>[], size: number): Fault | undefined {
  const total = files.reduce((sum, file) => sum + file.size, size);
  if (size === 0) return { code: 'file_unreadable' };
  if (files.length >= FILES) return { code: 'too_many_files', details: { limit: FILES } };
  if (size > FILE_BYTES) return { code: 'file_too_large', details: { limit: FILE_BYTES } };
  if (total > TICKET_BYTES) return { code: 'ticket_too_large', details: { limit: TICKET_BYTES } };
  return undefined;
}

/** A name that every system can store: no path, no control characters, not too long. */
export function plainName(name: string): string {
  const last = name.split(/[/\\]/).pop() ?? '';
  const plain = [...last].filter((c) => c >= ' ' && c !== '\u007f').slice(0, 255).join('');
  return plain.trim() === '' ? 'file' : plain;
}

export async function announcement(file: DraftFile, content: Blob): Promise<NewAttachment> {
  const digest = await crypto.subtle.digest('SHA-256', await content.arrayBuffer());
  const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const type = file.role === 'screenshot' ? 'image/png' : content.type || 'application/octet-stream';
  return { id: file.id, role: file.role, name: file.name, content_type: type, size: file.size, sha256 };
}

type Put = (file: string, offset: number, piece: Blob) => Promise<Progress>;

/** Sends a file from where the server has it, piece by piece. `sent` hears of every piece. */
export async function upload(
  put: Put,
  id: string,
  content: Blob,
  received: number,
  sent: (bytes: number) => void,
): Promise<void> {
  let offset = received;
  // Each turn moves on, or is told once where to; a server that says neither ends it with its error.
  let corrected = false;
  for (;;) {
    try {
      const progress = await put(id, offset, content.slice(offset, offset + PIECE_BYTES));
      sent(progress.received);
      if (progress.complete) return;
      offset = progress.received;
      corrected = false;
    } catch (error) {
      const elsewhere = error instanceof ApiError && error.code === 'file_offset_wrong' ? error.details.received : undefined;
      if (elsewhere === undefined || elsewhere === null || corrected) throw error;
      offset = elsewhere;
      corrected = true;
    }
  }
}
