// Addresses and the pages they mean.

export type Route =
  | { page: 'tickets' }
  | { page: 'ticket'; ticket: string }
  | { page: 'devices' }
  | { page: 'device'; device: string; tab: DeviceTab }
  | { page: 'clients' }
  | { page: 'client'; client: string; tab: ClientTab }
  | { page: 'mail' }
  | { page: 'more' }
  | { page: 'missing' };

export const DEVICE_TABS = ['agent', 'tickets', 'history'] as const;
export const CLIENT_TABS = ['overview', 'devices', 'people', 'keys', 'settings'] as const;
export type DeviceTab = (typeof DEVICE_TABS)[number];
export type ClientTab = (typeof CLIENT_TABS)[number];

/** What an address means. */
export function route(path: string): Route {
  const [first, second, third] = path.split('/').filter(Boolean);
  switch (first) {
    case undefined:
    case 'setup':
    case 'sign-in':
      return { page: 'tickets' };
    case 'tickets':
      return second ? { page: 'ticket', ticket: second } : { page: 'tickets' };
    case 'devices': {
      const tab = DEVICE_TABS.find((tab) => tab === (third ?? 'agent'));
      if (!second) return { page: 'devices' };
      return tab ? { page: 'device', device: second, tab } : { page: 'missing' };
    }
    case 'clients': {
      const tab = CLIENT_TABS.find((tab) => tab === (third ?? 'overview'));
      if (!second) return { page: 'clients' };
      return tab ? { page: 'client', client: second, tab } : { page: 'missing' };
    }
    case 'mail':
    case 'more':
      return { page: first };
    default:
      return { page: 'missing' };
  }
}

let path = $state(globalThis.location?.pathname ?? '/');
let search = $state(globalThis.location?.search ?? '');

function read(): void {
  path = location.pathname;
  search = location.search;
}
globalThis.window?.addEventListener('popstate', read);

export function current(): Route {
  return route(path);
}

/** Which page is shown, whatever is behind the question mark. */
export function address(): string {
  return path;
}

/** A value behind the question mark. */
export function parameter(name: string): string | undefined {
  return new URLSearchParams(search).get(name) ?? undefined;
}

/** Sets values behind the question mark; empty ones go. It is the same page, and no step back. */
export function setParameters(values: Record<string, string>): void {
  go(withParameters(path, search, values), true);
}

export function withParameters(path: string, search: string, values: Record<string, string>): string {
  const all = new URLSearchParams(search);
  for (const [name, value] of Object.entries(values)) {
    if (value === '') all.delete(name);
    else all.set(name, value);
  }
  return all.size > 0 ? `${path}?${all}` : path;
}

export function go(address: string, replace = false): void {
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  read();
}

/** Follows links within the console without loading the page again. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = (event.target as Element).closest('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (link.pathname.startsWith('/api/')) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
