import { describe, expect, test } from 'vitest';
import { route, withParameters } from '../console/router.svelte';

describe('an address means a page', () => {
  const pages: [string, object][] = [
    ['/', { page: 'tickets' }],
    ['/setup', { page: 'tickets' }],
    ['/sign-in', { page: 'tickets' }],
    ['/tickets', { page: 'tickets' }],
    ['/tickets/4821', { page: 'ticket', ticket: '4821' }],
    ['/devices', { page: 'devices' }],
    ['/devices/d1', { page: 'device', device: 'd1', tab: 'agent' }],
    ['/devices/d1/history', { page: 'device', device: 'd1', tab: 'history' }],
    ['/clients', { page: 'clients' }],
    ['/clients/c1', { page: 'client', client: 'c1', tab: 'overview' }],
    ['/clients/c1/keys/', { page: 'client', client: 'c1', tab: 'keys' }],
    ['/mail', { page: 'mail' }],
    ['/more', { page: 'more' }],
  ];
  test.each(pages)('%s', (address, page) => expect(route(address)).toEqual(page));

  test.each(['/nowhere', '/devices/d1/keys', '/clients/c1/secrets'])('%s means none', (address) => {
    expect(route(address)).toEqual({ page: 'missing' });
  });
});

describe('what is behind the question mark', () => {
  test('is kept beside what is set', () => {
    expect(withParameters('/tickets', '?view=mine', { q: 'printer' })).toBe('/tickets?view=mine&q=printer');
  });
  test('is replaced, and goes when it is empty', () => {
    expect(withParameters('/devices', '?agent=waiting&q=kl', { agent: 'failed' })).toBe('/devices?agent=failed&q=kl');
    expect(withParameters('/devices', '?agent=waiting', { agent: '' })).toBe('/devices');
  });
  test('may hold anything that somebody searches for', () => {
    const address = withParameters('/tickets', '', { q: 'a&b=c?d #é' });
    expect(new URL(address, 'http://deskbell.example').searchParams.get('q')).toBe('a&b=c?d #é');
  });
});
