/** What somebody wrote into one field, separated as they liked. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}
