// Who is signed in.

import { setLanguage } from '../shared/i18n.svelte';
import { ApiError, api, type Overview, type SessionInfo, setCsrf } from './api';
import { calm } from './calm';
import { forgetDrafts } from './parts/drafts';
import { onLive, startLive, stopLive } from './live';

type Gate = 'loading' | 'setup' | 'sign-in' | 'open' | 'unreachable';

let gate = $state<Gate>('loading');
let info = $state.raw<SessionInfo>();
let overview = $state.raw<Overview>();
let connected = $state(true);
let lost: ReturnType<typeof setTimeout> | undefined;

/** A connection may be renewed without anybody having to read of it. */
const UNNOTICED_MS = 5000;

export const session = {
  get gate(): Gate {
    return gate;
  },
  get info(): SessionInfo {
    if (!info) throw new Error('nobody is signed in');
    return info;
  },
  get overview(): Overview | undefined {
    return overview;
  },
  /** Whether what is shown follows what happens. */
  get connected(): boolean {
    return connected;
  },
  get mayManage(): boolean {
    return info?.technician.role === 'owner' || info?.technician.role === 'admin';
  },
  get mayWork(): boolean {
    return info?.technician.role !== 'read_only';
  },
};

/** Finds out what to show first: the set-up, the sign-in, or the console. */
export async function begin(): Promise<void> {
  try {
    enter(await api.session());
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) {
      gate = 'unreachable';
      return;
    }
    const open = await api.setupOpen().catch(() => false);
    gate = open ? 'setup' : 'sign-in';
  }
}

export function enter(signedIn: SessionInfo): void {
  info = signedIn;
  setCsrf(signedIn.csrf);
  setLanguage(signedIn.technician.language);
  gate = 'open';
  startLive(report);
  void count();
}

/** What the session says now: its notices change while it lasts. */
export async function renew(): Promise<void> {
  const fresh = await api.session().catch(() => undefined);
  if (!fresh || !info) return;
  info = fresh;
  setCsrf(fresh.csrf);
}

function report(up: boolean): void {
  if (up) {
    clearTimeout(lost);
    lost = undefined;
    connected = true;
    return;
  }
  // From the first failure on: those that follow do not put it off.
  lost ??= setTimeout(() => (connected = false), UNNOTICED_MS);
}

/** The session ended, by oneself or by time. What was shown is gone from the page. */
export function leave(): void {
  stopLive();
  report(true);
  info = undefined;
  overview = undefined;
  setCsrf('');
  gate = 'sign-in';
}

export async function signOut(): Promise<void> {
  if (info) forgetDrafts(info.technician.id);
  await api.signOut().catch(() => undefined);
  leave();
}

export async function chooseLanguage(language: 'en' | 'fr'): Promise<void> {
  setLanguage(language);
  const technician = await api.setLanguage(language);
  if (info) info = { ...info, technician };
}

async function count(): Promise<void> {
  if (gate !== 'open') return;
  try {
    overview = await api.overview();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) leave();
  }
}
const recount = calm(count);
onLive((event) => {
  recount();
  // After a time without connection the notices and the proof may be others.
  if (!event) void renew();
});
