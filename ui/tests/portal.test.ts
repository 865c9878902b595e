// The page in a browser: what it takes, what it says, and what it does when nobody answers.
import { describe, expect, test, vi } from 'vitest';
import { ApiError } from '../shared/http';
import { FILE_BYTES, FILES, PIECE_BYTES } from '../shared/limits';
import { plainName, refusal, upload } from '../portal/files';
import { unsure } from '../portal/form.svelte';
import { closedBy, viewOf } from '../portal/link';

describe('files', () => {
  test('are refused with the limit that they exceed', () => {
    const small = { size: 1 };
    expect(refusal([], 1)).toBeUndefined();
    expect(refusal([], 0)?.code).toBe('file_unreadable');
    expect(refusal([], FILE_BYTES + 1)).toEqual({ code: 'file_too_large', details: { limit: FILE_BYTES } });
    expect(refusal(Array(FILES).fill(small), 1)).toEqual({ code: 'too_many_files', details: { limit: FILES } });
    expect(refusal(Array(4).fill({ size: FILE_BYTES }), 1)?.code).toBe('ticket_too_large');
  });

  test('have names that every system can store', () => {
    expect(plainName('../../etc/passwd')).toBe('passwd');
    expect(plainName('C:\\Users\\me\\scan.pdf')).toBe('scan.pdf');
    expect(plainName('a\u0000\nb')).toBe('ab');
    expect(plainName('  ')).toBe('file');
  });

  test('travel in pieces and go on where the server says', async () => {
    const content = new Blob([new Uint8Array(2 * PIECE_BYTES + 5)]);
    const offsets: number[] = [];
    const put = vi.fn(async (_id: string, offset: number, piece: Blob) => {
      offsets.push(offset);
      if (offset === 0) throw new ApiError(409, 'file_offset_wrong', '', { received: PIECE_BYTES });
      const received = offset + piece.size;
      return { id: 'a', received, complete: received === content.size };
    });
    const sent: number[] = [];
    await upload(put, 'a', content, 0, (bytes) => sent.push(bytes));
    expect(offsets).toEqual([0, PIECE_BYTES, 2 * PIECE_BYTES]);
    expect(sent).toEqual([2 * PIECE_BYTES, content.size]);
  });

  test('do not go round in circles', async () => {
    const put = async () => Promise.reject(new ApiError(409, 'file_offset_wrong', '', { received: 7 }));
    await expect(upload(put, 'a', new Blob(['0123456789']), 0, () => {})).rejects.toMatchObject({ code: 'file_offset_wrong' });
  });
});

describe('a ticket', () => {
  test('waits only where nobody knows whether it arrived', () => {
    expect(unsure(new ApiError(0, 'server_unreachable', ''))).toBe(true);
    expect(unsure(new ApiError(503, 'unavailable', ''))).toBe(true);
    expect(unsure({ code: 'internal' })).toBe(true);
    expect(unsure(new ApiError(422, 'subject_too_long', ''))).toBe(false);
    expect(unsure(new ApiError(401, 'not_signed_in', ''))).toBe(false);
  });
});

describe('the page', () => {
  test('is the one that the link names', () => {
    expect(viewOf('/portal/new')).toBe('new');
    expect(viewOf('/portal/settings')).toBe('settings');
    expect(viewOf('/portal/')).toBe('new');
  });

  test('says why it is closed', () => {
    expect(closedBy('handover_used')).toBe('handover_used');
    expect(closedBy('not_signed_in')).toBe('ended');
    expect(closedBy('device_revoked')).toBe('device');
    expect(closedBy('server_unreachable')).toBe('unreachable');
  });
});
