// The list somebody came from: where to go back to, and which ticket is next.

export interface List {
  /** With the view and the words that were searched for. */
  address: string;
  numbers: readonly number[];
  /** How many there are on all parts. */
  total: number;
  /** There are more than `total`. */
  more: boolean;
}

let list: List = { address: '/tickets', numbers: [], total: 0, more: false };
let opened: number | undefined;

export function remember(shown: List): void {
  list = shown;
}

export function cameFrom(): List {
  return list;
}

export function rememberOpened(number: number): void {
  opened = number;
}

/** The row to return to: that of the ticket that was read last. */
export function rowOfOpened(numbers: readonly number[]): number {
  return opened === undefined ? 0 : Math.max(0, numbers.indexOf(opened));
}

export interface Place {
  position: number;
  total: number;
  more: boolean;
  previous: number | undefined;
  next: number | undefined;
}

/** Where a ticket is in the list; nothing where it is not in it. */
export function placeOf(number: number, { numbers, total, more }: List): Place | undefined {
  const at = numbers.indexOf(number);
  if (at < 0) return undefined;
  return { position: at + 1, total, more, previous: numbers[at - 1], next: numbers[at + 1] };
}
