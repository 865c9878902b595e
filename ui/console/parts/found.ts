// Which words of a text were looked for: cut and compared as the server does it (server/src/words.rs).

const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/** A text in pieces; those with true are words that were looked for. */
export function pieces(text: string, query: string): [string, boolean][] {
  const wanted = fold(query).match(WORD) ?? [];
  const found: [string, boolean][] = [];
  let end = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    const folded = fold(word);
    if (!wanted.some((each) => (/^\p{N}+$/u.test(each) ? folded === each : folded.startsWith(each)))) continue;
    if (index > end) found.push([text.slice(end, index), false]);
    found.push([word, true]);
    end = index + word.length;
  }
  if (end < text.length) found.push([text.slice(end), false]);
  return found;
}
