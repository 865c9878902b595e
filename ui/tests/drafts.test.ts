import { beforeEach, expect, test } from 'vitest';
import { forgetDrafts, keepDraft, readDraft } from '../console/parts/drafts';

const kept = new Map<string, string>();
const shelf = {
  get length() {
    return kept.size;
  },
  key: (index: number) => [...kept.keys()][index] ?? null,
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, value: string) => void kept.set(name, value),
  removeItem: (name: string) => void kept.delete(name),
};
const draft = { id: 'i1', kind: 'note', text: 'Half a thought' } as const;

beforeEach(() => kept.clear());

test('a draft is found again, with the id it will be sent with', () => {
  keepDraft('ada', 't1', draft, shelf);
  expect(readDraft('ada', 't1', shelf)).toEqual(draft);
});

test('no draft is found at another ticket, or by somebody else', () => {
  keepDraft('ada', 't1', draft, shelf);
  expect(readDraft('ada', 't2', shelf)).toBeUndefined();
  expect(readDraft('priya', 't1', shelf)).toBeUndefined();
});

test('an emptied field leaves nothing', () => {
  keepDraft('ada', 't1', draft, shelf);
  keepDraft('ada', 't1', { ...draft, text: ' \n' }, shelf);
  expect(kept.size).toBe(0);
});

test('signing out removes all of one’s own', () => {
  for (const ticket of ['t1', 't2', 't3']) keepDraft('ada', ticket, draft, shelf);
  keepDraft('priya', 't1', draft, shelf);
  forgetDrafts('ada', shelf);
  expect([...kept.keys()]).toEqual(['deskbell-draft:priya:t1']);
});

test('what is no draft is none', () => {
  for (const text of ['', 'no json', '1', 'null', '{"id":1,"kind":"note","text":"x"}', '{"id":"i","kind":"mail","text":"x"}']) {
    kept.set('deskbell-draft:ada:t1', text);
    expect(readDraft('ada', 't1', shelf), text).toBeUndefined();
  }
});

test('a full storage takes no text away', () => {
  const full = { ...shelf, setItem: () => { throw new Error('quota'); } };
  expect(() => keepDraft('ada', 't1', draft, full)).not.toThrow();
});
