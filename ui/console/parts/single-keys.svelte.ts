// Single keys help those who know them, and surprise those who dictate: they can be turned off.

const NAME = 'deskbell-single-keys';
let on = $state(typeof localStorage === 'undefined' || localStorage.getItem(NAME) !== 'off');

export function singleKeys(): boolean {
  return on;
}

export function setSingleKeys(choice: boolean): void {
  on = choice;
  localStorage.setItem(NAME, choice ? 'on' : 'off');
}
