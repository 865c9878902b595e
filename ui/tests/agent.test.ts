import { beforeEach, describe, expect, test } from 'vitest';
import { closedBecause } from '../agent/closed';
import { outcome } from '../agent/new-ticket/outcome';
import { between, first, moved, within } from '../agent/new-ticket/redaction';
import { facts } from '../shared/facts';
import type { AgentState } from '../shared/gen/AgentState';
import type { CommandError } from '../shared/gen/CommandError';
import type { Context } from '../shared/gen/Context';
import { setLanguage } from '../shared/i18n.svelte';

beforeEach(() => setLanguage('en'));

const PICTURE = { width: 1920, height: 1080 };

describe('a redacted area', () => {
  test('is in the pixels of the picture, whatever its size on the screen', () => {
    const shown = { width: 480, height: 270 };
    expect(between([48, 27], [96, 54], shown, PICTURE)).toEqual({ x: 192, y: 108, width: 192, height: 108 });
  });

  test('is the same from whichever corner it is drawn', () => {
    const shown = { width: 960, height: 540 };
    expect(between([100, 100], [20, 40], shown, PICTURE)).toEqual(between([20, 40], [100, 100], shown, PICTURE));
  });

  test('covers every pixel that it touches', () => {
    const shown = { width: 1000, height: 1000 };
    const drawn = between([0.6, 0.6], [1.4, 1.4], shown, { width: 1000, height: 1000 });
    expect(drawn).toEqual({ x: 0, y: 0, width: 2, height: 2 });
  });

  test('ends at the edge of the picture', () => {
    const shown = { width: 960, height: 540 };
    expect(between([900, 500], [2000, 2000], shown, PICTURE)).toEqual({ x: 1800, y: 1000, width: 120, height: 80 });
    expect(between([-50, -50], [10, 10], shown, PICTURE)).toEqual({ x: 0, y: 0, width: 20, height: 20 });
  });

  test('is never empty and never outside', () => {
    expect(within({ x: 5000, y: 5000, width: 0, height: 0 }, PICTURE)).toEqual({ x: 1919, y: 1079, width: 1, height: 1 });
  });

  test('is moved by arrows, and stops at the edge with its size kept', () => {
    const area = { x: 1900, y: 0, width: 20, height: 20 };
    expect(moved(area, 'ArrowRight', false, PICTURE)).toEqual(area);
    expect(moved(area, 'ArrowUp', false, PICTURE)).toEqual(area);
    expect(moved(area, 'ArrowLeft', false, PICTURE)).toEqual({ ...area, x: 1881 });
  });

  test('is resized with Shift, and never away', () => {
    let area = { x: 0, y: 0, width: 40, height: 40 };
    for (let press = 0; press < 10; press += 1) area = moved(area, 'ArrowLeft', true, PICTURE);
    expect(area.width).toBe(19);
  });

  test('begins in the picture, however small that is', () => {
    expect(first(PICTURE)).toEqual({ x: 640, y: 473, width: 640, height: 135 });
    expect(within(first({ width: 2, height: 2 }), { width: 2, height: 2 })).toEqual(first({ width: 2, height: 2 }));
  });
});

describe('what a person is told of a ticket', () => {
  const reason = { code: 'offline' } as CommandError;

  test.each([
    ['delivered', null, true, 'sent'],
    ['delivered', null, false, 'sent'],
    ['needs_attention', reason, true, 'attention'],
    ['awaiting_confirmation', reason, true, 'confirm'],
    ['queued', null, true, 'sending'],
    ['sending', null, true, 'sending'],
    ['sending', reason, true, 'saved'],
    ['queued', null, false, 'saved'],
  ] as const)('%s, %o, online %s: %s', (state, why, online, told) => {
    expect(outcome({ state, reason: why }, online)).toBe(told);
  });
});

describe('the form', () => {
  const state: AgentState = {
    registration: 'accepted',
    enabled: true,
    revision: 1,
    organization: 'Halden IT',
    client: 'Northwind',
    domains: [],
    confirmation: null,
    settings: [],
  };
  const because = (change: Partial<AgentState> | null, problems: Parameters<typeof closedBecause>[0]['problems'] = []) =>
    closedBecause({ state: change && { ...state, ...change }, problems });

  test('is open before anybody is confirmed', () => expect(because({})).toBeUndefined());

  test('is closed where it is not enabled, and names who decides', () => {
    expect(because({ enabled: false })?.text).toBe('agent.closed.text');
    expect(because({ enabled: false, organization: '' })?.text).toBe('agent.closed.text.plain');
  });

  test('is closed to a device that is shut out, enabled or not', () => {
    expect(because({ registration: 'quarantined' })?.text).toBe('problem.device_quarantined');
    expect(because({ registration: 'unapproved', enabled: false })?.text).toBe('problem.device_unapproved');
    expect(because({ registration: 'revoked' })?.says).toEqual(['device_revoked']);
  });

  test('is closed before enrolment, and says what is in its way', () => {
    const problems = [{ code: 'enrolment_key_expired', subject: null } as const];
    expect(because(null, problems)?.text).toBe('problem.enrolment_key_expired');
    expect(because(null)?.text).toBe('error.not_enrolled');
  });
});

describe('the facts of a device', () => {
  const none: Context = {
    device: null,
    system: null,
    network: null,
    disk: null,
    memory: null,
    battery: null,
    user: null,
    uptime: null,
  };

  test('are those that are known', () => {
    expect(facts(none)).toEqual([]);
    const some = facts({ ...none, device: 'PC-0417', uptime: 0, battery: { percent: 62, charging: true } });
    expect(some.map(({ name }) => name)).toEqual(['device', 'battery', 'uptime']);
    expect(some[1]?.value).toBe('62%, charging');
  });

  test('say how much is free, of how much', () => {
    const [disk] = facts({ ...none, disk: { free: 18 * 1024 ** 3, total: 476 * 1024 ** 3 } });
    expect(disk?.value.replace(/\s/g, ' ')).toBe('18 GB free of 476 GB');
  });
});
