import { afterEach, describe, expect, test } from 'vitest';
import { errorText } from '../console/errors';
import { agentState } from '../console/parts/agent-state';
import { commands } from '../console/parts/commands';
import { historyText } from '../console/parts/history';
import { rehearsalText } from '../console/parts/rehearsal';
import { wordsOf } from '../console/parts/words';
import en from '../locales/en.json';
import { find, setLanguage } from '../shared/i18n.svelte';

afterEach(() => setLanguage('en'));

describe('what a decision would do', () => {
  test('is said with the numbers that are not zero', () => {
    expect(rehearsalText({ turns_on: 1, turns_off: 0, unchanged: 4 })).toBe('Turns on 1, no change on 4');
    expect(rehearsalText({ turns_on: 0, turns_off: 3, unchanged: 0 })).toBe('Turns off 3');
    expect(rehearsalText({ turns_on: 0, turns_off: 0, unchanged: 2 })).toBe('No change on 2');
  });
  test('is not said before it is known, or of nothing', () => {
    expect(rehearsalText(undefined)).toBeUndefined();
    expect(rehearsalText({ turns_on: 0, turns_off: 0, unchanged: 0 })).toBeUndefined();
  });
});

describe('the state of an agent', () => {
  test('waits while the device has not heard, whatever is wanted', () => {
    for (const wanted of [true, false]) expect(agentState({ wanted, delivery: 'waiting' })).toBe('waiting');
  });
  test('is what is wanted once it was heard', () => {
    expect(agentState({ wanted: true, delivery: 'active' })).toBe('active');
    expect(agentState({ wanted: false, delivery: 'active' })).toBe('off');
  });
  test('has failed where the device cannot follow', () => {
    expect(agentState({ wanted: true, delivery: 'failed' })).toBe('failed');
  });
});

describe('the history', () => {
  const entry = (action: string, detail = {}) => ({ id: '1', at: 0, actor: 'Ada', actor_kind: 'technician', action, detail });
  const text = (action: string, detail = {}, of: 'client' | 'device' = 'device') => historyText(entry(action, detail), of, find);

  test('says what was decided, and where', () => {
    expect(text('enablement.changed', { level: 'device', to: true })).toBe('enabled the agent on this device');
    expect(text('enablement.changed', { level: 'client', to: false })).toBe('disabled the agent for the whole client');
    expect(text('enablement.changed', { level: 'device', to: null })).toBe('took back the choice of this device');
  });
  test('says what agents are told', () => {
    const told = { level: 'client', name: 'hotkey', locked: true };
    expect(text('agent_settings.changed', { ...told, to: 'F9' })).toBe('set “hotkey” to “F9”');
    expect(text('agent_settings.changed', { ...told, to: null })).toBe('no longer sets “hotkey”');
  });
  test('of a client does not say *this device*', () => {
    for (const to of [true, false, null]) {
      expect(text('enablement.changed', { level: 'device', to }, 'client')).not.toContain('this device');
    }
    for (const action of Object.keys(en).filter((key) => /^console\.history\.person\.\w+$/.test(key))) {
      expect(text(action.slice('console.history.'.length), {}, 'client')).not.toContain('this device');
    }
  });
  test('names what it is about', () => {
    expect(text('device.moved', { from: 'Morel', to: 'Kestrel' })).toBe('moved the device from Morel to Kestrel');
  });
  test('has no text for what it does not know, instead of a wrong one', () => {
    expect(text('ticket.exploded')).toBeUndefined();
  });
});

describe('what to run on a device', () => {
  test('holds the server and the key, and no slash too many', () => {
    for (const system of ['windows', 'macos', 'linux'] as const) {
      const script = commands(system, 'https://help.example/', 'DB-7F3K');
      expect(script, system).toContain('server_url = "https://help.example"\nenrolment_key = "DB-7F3K"\n');
    }
  });
  test('never gives the key as an argument, which every program may read', () => {
    for (const system of ['windows', 'macos', 'linux'] as const) {
      const lines = commands(system, 'https://help.example', 'DB-7F3K').split('\n');
      expect(lines.filter((line) => line.includes('DB-7F3K')), system).toEqual(['enrolment_key = "DB-7F3K"']);
    }
  });
});

describe('an error', () => {
  test('speaks to technicians where it says something else to them', () => {
    const closed = { code: 'ticket_closed' };
    expect(errorText(closed)).toBe(en['console.error.ticket_closed']);
    expect(errorText({ code: 'domain_foreign', details: { domains: ['a.example', 'b.example'] } })).toContain('a.example, b.example');
  });
  test('is the common one otherwise', () => {
    expect(errorText({ code: 'name_taken' })).toBe(en['error.name_taken']);
  });
  test('speaks French', () => {
    setLanguage('fr');
    expect(errorText({ code: 'ticket_closed' })).toContain('fermé');
  });
});

test('domains may be separated as people do', () => {
  expect(wordsOf(' a.example, b.example;c.example\nd.example ,')).toEqual(['a.example', 'b.example', 'c.example', 'd.example']);
  expect(wordsOf(' ')).toEqual([]);
});
