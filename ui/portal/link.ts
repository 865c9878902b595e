// The link that opened the page: /portal/new#secret or /portal/settings#secret.

export type View = 'new' | 'settings';

export function viewOf(path: string): View {
  return path.split('/').includes('settings') ? 'settings' : 'new';
}

/** The secret, out of the address bar and this tab's history before anything else happens. */
export function takeSecret(): string {
  const secret = location.hash.slice(1);
  if (secret) history.replaceState(null, '', location.pathname);
  return secret;
}

/** Why the page is closed, in the words of `portal.closed.<reason>.title`. */
export function closedBy(code: string): 'handover_expired' | 'handover_used' | 'ended' | 'unreachable' | 'device' {
  switch (code) {
    case 'handover_expired':
    case 'handover_used':
      return code;
    case 'not_signed_in':
      return 'ended';
    case 'not_enabled':
    case 'device_unapproved':
    case 'device_quarantined':
    case 'device_revoked':
      return 'device';
    default:
      return 'unreachable';
  }
}
