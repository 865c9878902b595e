// What the page asks of the server. The types are those of its description, `server/openapi.json`.

import type { components } from '../shared/gen/api';
import type { Confirmation } from '../shared/gen/Confirmation';
import type { Language } from '../shared/gen/Language';
import type { NewTicket } from '../shared/gen/NewTicket';
import type { TokenSent } from '../shared/gen/TokenSent';
import { ApiError, call, setCsrf } from '../shared/http';

export type Session = components['schemas']['PortalSessionInfo'];
export type Received = components['schemas']['TicketReceived'];
export type Progress = components['schemas']['UploadProgress'];

const BASE = '/api/portal/v1';

async function session(method: 'GET' | 'POST', body?: unknown): Promise<Session> {
  const session = await call<Session>(method, `${BASE}/session`, body);
  setCsrf(session.csrf);
  return session;
}

/** Another tab of this browser may have been opened since: both have its session then, and this one its proof. */
async function changed<T>(method: string, path: string, body?: unknown): Promise<T> {
  try {
    return await call<T>(method, BASE + path, body);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'csrf_missing') throw error;
    await session('GET');
    return call<T>(method, BASE + path, body);
  }
}

export const api = {
  trade: (secret: string) => session('POST', { secret }),
  session: () => session('GET'),
  end: () => changed<void>('DELETE', '/session'),
  askToken: (name: string, email: string, language: Language) =>
    changed<TokenSent>('POST', '/confirmation/token', { name, email, language }),
  confirm: (token: string) => changed<Confirmation>('POST', '/confirmation', { token }),
  forget: () => changed<void>('DELETE', '/confirmation'),
  send: (ticket: NewTicket) => changed<Received>('POST', '/tickets', ticket),
  put: (file: string, offset: number, piece: Blob) =>
    changed<Progress>('PUT', `/attachments/${file}?offset=${offset}`, piece),
};
