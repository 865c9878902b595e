// Which rows of a list are selected.

/** Selects or clears a row; with `range`, every row between the last one and it, too. */
export function select(selected: ReadonlySet<string>, ids: string[], id: string, last: string | undefined, range: boolean): Set<string> {
  const next = new Set(selected);
  const on = !selected.has(id);
  const from = last === undefined ? -1 : ids.indexOf(last);
  const to = ids.indexOf(id);
  const touched = range && from >= 0 ? ids.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
  for (const each of touched) {
    if (on) next.add(each);
    else next.delete(each);
  }
  return next;
}

/** Without what the list does not show any more. */
export function kept(selected: ReadonlySet<string>, ids: string[]): Set<string> {
  const shown = new Set(ids);
  return new Set([...selected].filter((id) => shown.has(id)));
}
