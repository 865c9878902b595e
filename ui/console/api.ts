// What the console asks of the server. The types are those of its description, `server/openapi.json`.

import type { components } from '../shared/gen/api';
import { call } from '../shared/http';

export { ApiError, setCsrf } from '../shared/http';

type Schemas = components['schemas'];
export type SessionInfo = Schemas['SessionInfo'];
export type Technician = Schemas['TechnicianView'];
export type Overview = Schemas['Overview'];
export type Client = Schemas['Client'];
export type LevelSetting = Schemas['LevelSetting'];
export type Rollout = Schemas['Rollout'];
export type EnrolmentKey = Schemas['EnrolmentKey'];
export type CreatedKey = Schemas['CreatedKey'];
export type Person = Schemas['Person'];
export type Device = Schemas['Device'];
export type DeviceRow = Schemas['DeviceRow'];
export type Devices = Schemas['Devices'];
export type AgentSummary = Schemas['AgentSummary'];
export type AgentFilter = Schemas['AgentFilter'];
export type Installation = Schemas['Installation'];
export type Why = Schemas['Why'];
export type Rehearsal = Schemas['Rehearsal'];
export type HistoryEntry = Schemas['HistoryEntry'];
export type Ticket = Schemas['Ticket'];
export type TicketRow = Schemas['TicketRow'];
export type Tickets = Schemas['Tickets'];
export type View = Schemas['View'];
export type MailJob = Schemas['MailJob'];
export type ConsoleEvent = Schemas['ConsoleEvent'];

const BASE = '/api/console/v1';

function query(values: Record<string, string | number | undefined>): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return set.length > 0 ? `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}` : '';
}

const get = <T>(path: string) => call<T>('GET', BASE + path);
const post = <T>(path: string, body?: unknown) => call<T>('POST', BASE + path, body);
const put = <T>(path: string, body: unknown) => call<T>('PUT', BASE + path, body);
const patch = <T>(path: string, body: unknown) => call<T>('PATCH', BASE + path, body);
const remove = (path: string) => call<void>('DELETE', BASE + path);

/** A client, or the organization. */
const level = (client?: string) => (client ? `/clients/${client}` : '/organization');

export type Choice = boolean | null;

export const api = {
  setupOpen: () => call<{ open: boolean }>('GET', '/api/setup').then(() => true),
  setUp: (setup: Schemas['Setup']) => call<SessionInfo>('POST', '/api/setup', setup),
  session: () => get<SessionInfo>('/session'),
  signIn: (email: string, password: string) => post<SessionInfo>('/session', { email, password }),
  signOut: () => remove('/session'),
  setLanguage: (language: 'en' | 'fr') => patch<Technician>('/me', { language }),
  technicians: () => get<Technician[]>('/technicians'),
  overview: () => get<Overview>('/overview'),

  clients: (q: string) => get<Client[]>(`/clients${query({ q })}`),
  client: (id: string) => get<Client>(`/clients/${id}`),
  createClient: (name: string, domains: string[]) => post<Client>('/clients', { name, domains }),
  changeClient: (id: string, change: Schemas['ClientChange']) => patch<Client>(`/clients/${id}`, change),
  clientHistory: (id: string) => get<HistoryEntry[]>(`/clients/${id}/history`),
  enableClient: (id: string, enabled: Choice, include_device_choices = false) =>
    put<Client>(`/clients/${id}/enablement`, { enabled, include_device_choices }),
  rehearseClient: (id: string, enabled: Choice, include_device_choices = false) =>
    post<Rehearsal>(`/clients/${id}/enablement/rehearse`, { enabled, include_device_choices }),

  agentSettings: (client?: string) => get<LevelSetting[]>(`${level(client)}/agent-settings`),
  setAgentSetting: (client: string | undefined, change: Schemas['SettingChange']) =>
    put<LevelSetting[]>(`${level(client)}/agent-settings`, change),

  keys: (client: string) => get<EnrolmentKey[]>(`/clients/${client}/enrolment-keys`),
  createKey: (client: string, key: Schemas['NewKey']) => post<CreatedKey>(`/clients/${client}/enrolment-keys`, key),
  revokeKey: (id: string) => remove(`/enrolment-keys/${id}`),

  people: (client: string) => get<Person[]>(`/clients/${client}/people`),
  deactivate: (id: string) => post<Person>(`/people/${id}/deactivate`),
  reactivate: (id: string) => post<Person>(`/people/${id}/reactivate`),

  devices: (filter: { client?: string; q?: string; agent?: AgentFilter; behind?: 'true'; cursor?: string; limit?: number }) =>
    get<Devices>(`/devices${query(filter)}`),
  device: (id: string) => get<Device>(`/devices/${id}`),
  deviceHistory: (id: string) => get<HistoryEntry[]>(`/devices/${id}/history`),
  deviceTickets: (id: string) => get<TicketRow[]>(`/devices/${id}/tickets`),
  enableDevice: (id: string, enabled: Choice) => put<Device>(`/devices/${id}/enablement`, { enabled }),
  enableDevices: (devices: string[], enabled: Choice) => post<{ changed: number }>('/enablement', { devices, enabled }),
  rehearse: (devices: string[], enabled: Choice) => post<Rehearsal>('/enablement/rehearse', { devices, enabled }),
  renameDevice: (id: string, name: string) => patch<Device>(`/devices/${id}`, { name }),
  moveDevice: (id: string, client: string) => post<Device>(`/devices/${id}/move`, { client }),
  removeDevice: (id: string) => remove(`/devices/${id}`),
  setRegistration: (id: string, registration: 'accepted' | 'revoked') =>
    put<Installation>(`/installations/${id}/registration`, { registration }),
  vouch: (id: string, name: string, email: string) => post<Installation>(`/installations/${id}/vouch`, { name, email }),

  tickets: (filter: { view: View; q?: string; client?: string; cursor?: string; limit?: number }) =>
    get<Tickets>(`/tickets${query(filter)}`),
  ticket: (id: string) => get<Ticket>(`/tickets/${id}`),
  addMessage: (ticket: string, message: Schemas['NewTechnicianMessage']) =>
    post<Ticket>(`/tickets/${ticket}/messages`, message),
  changeTicket: (id: string, change: Schemas['TicketChange']) => patch<Ticket>(`/tickets/${id}`, change),

  mail: () => get<MailJob[]>('/mail'),
  retryMail: (id: string) => post<void>(`/mail/${id}/retry`),
};

export function attachmentAddress(id: string, inline = false): string {
  return `${BASE}/attachments/${id}${inline ? '?inline=1' : ''}`;
}

export function liveAddress(): string {
  return `${BASE}/live`;
}
