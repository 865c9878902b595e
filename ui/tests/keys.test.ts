import { describe, expect, test } from 'vitest';
import { belongsToPage } from '../console/parts/keys';

const press = (key: string, more = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  defaultPrevented: false,
  ...more,
});
const around = (element: string, more = {}) => ({
  within: (selector: string) => selector.split(', ').some((each) => each.split(':')[0] === element),
  sheetOpen: false,
  single: true,
  ...more,
});

describe('a key belongs to the page', () => {
  test('when nothing has the focus', () => {
    for (const key of ['j', '/', '?', 'Enter', 'Escape']) expect(belongsToPage(press(key), around('body')), key).toBe(true);
  });

  test('when a link has the focus, unless it is Enter', () => {
    expect(belongsToPage(press('j'), around('a'))).toBe(true);
    expect(belongsToPage(press('Enter'), around('a'))).toBe(false);
    expect(belongsToPage(press('Enter'), around('button'))).toBe(false);
    expect(belongsToPage(press(' '), around('button'))).toBe(false);
  });

  test('never while somebody types or chooses', () => {
    for (const element of ['textarea', 'select', 'dialog', '[role=menu]', 'input']) {
      for (const key of ['e', 'Enter', 'Escape']) expect(belongsToPage(press(key), around(element)), element + key).toBe(false);
    }
  });

  test('never as part of a shortcut of the browser, or once it was used', () => {
    for (const held of ['ctrlKey', 'metaKey', 'altKey', 'defaultPrevented']) {
      expect(belongsToPage(press('r', { [held]: true }), around('body')), held).toBe(false);
    }
  });

  test('never behind a sheet', () => {
    expect(belongsToPage(press('e'), around('body', { sheetOpen: true }))).toBe(false);
  });

  test('where single keys are off: only those that are no letter', () => {
    for (const key of ['e', 'a', '/', '?']) expect(belongsToPage(press(key), around('body', { single: false })), key).toBe(false);
    for (const key of ['Enter', 'Escape']) expect(belongsToPage(press(key), around('body', { single: false })), key).toBe(true);
  });
});
