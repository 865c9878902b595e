// What the windows ask of the agent: its commands (`src-tauri/src/commands.rs`) with their types.

import { convertFileSrc, invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { getCurrentWebviewWindow } from '@tauri-apps/api/webviewWindow';
import { onDestroy } from 'svelte';

import type { AgentStatus } from '../shared/gen/AgentStatus';
import type { Area } from '../shared/gen/Area';
import type { Confirmation } from '../shared/gen/Confirmation';
import type { ConversationView } from '../shared/gen/ConversationView';
import type { Draft } from '../shared/gen/Draft';
import type { Language } from '../shared/gen/Language';
import type { OutboxEntry } from '../shared/gen/OutboxEntry';
import type { Screenshot } from '../shared/gen/Screenshot';
import type { Status } from '../shared/gen/Status';
import type { Theme } from '../shared/gen/Theme';
import type { TicketForm } from '../shared/gen/TicketForm';
import type { TicketListItem } from '../shared/gen/TicketListItem';
import type { TokenSent } from '../shared/gen/TokenSent';

export type WindowLabel = 'new-ticket' | 'settings' | 'tickets';
/** A file that only the page holds. */
export interface PageFile {
  name: string;
  base64: string;
}

export const agent = {
  status: () => invoke<AgentStatus>('status'),
  ticketForm: () => invoke<TicketForm>('ticket_form'),
  saveDraft: (draft: Draft) => invoke<void>('save_draft', { draft }),
  discardDraft: () => invoke<TicketForm>('discard_draft'),
  pickFiles: () => invoke<Draft>('pick_files'),
  addFiles: (paths: string[]) => invoke<Draft>('add_files', { paths }),
  addFile: (file: PageFile) => invoke<Draft>('add_file', { ...file }),
  removeFile: (id: string) => invoke<Draft>('remove_file', { id }),
  redact: (areas: Area[]) => invoke<Screenshot>('redact', { areas }),
  removeScreenshot: () => invoke<void>('remove_screenshot'),
  retakeScreenshot: () => invoke<Screenshot | null>('retake_screenshot'),
  submitTicket: (draft: Draft) => invoke<OutboxEntry>('submit_ticket', { draft }),
  outbox: () => invoke<OutboxEntry[]>('outbox'),
  outboxEntry: (id: string) => invoke<OutboxEntry | null>('outbox_entry', { id }),
  retryNow: () => invoke<void>('retry_now'),
  exportEntry: (id: string) => invoke<string | null>('export_entry', { id }),
  discardEntry: (id: string) => invoke<void>('discard_entry', { id }),
  tickets: () => invoke<TicketListItem[]>('tickets'),
  conversation: (ticket: string) => invoke<ConversationView>('conversation', { ticket }),
  markRead: (ticket: string) => invoke<void>('mark_read', { ticket }),
  reply: (ticket: string, text: string, files: PageFile[]) => invoke<OutboxEntry>('reply', { ticket, text, files }),
  setTicketStatus: (ticket: string, status: Status) => invoke<OutboxEntry>('set_ticket_status', { ticket, status }),
  saveAttachment: (ticket: string, attachment: string) =>
    invoke<string | null>('save_attachment', { ticket, attachment }),
  askToken: (name: string, email: string) => invoke<TokenSent>('ask_token', { name, email }),
  confirm: (token: string) => invoke<Confirmation>('confirm', { token }),
  forgetPerson: () => invoke<void>('forget_person'),
  setPreferences: (language: Language, theme: Theme) => invoke<void>('set_preferences', { language, theme }),
  openWindow: (window: WindowLabel, ticket?: string) => invoke<void>('open_window', { window, ticket }),
  closeWindow: () => invoke<void>('close_window'),
  windowReady: () => invoke<void>('window_ready'),
  freeWindow: () => invoke<void>('free_window'),
  resizeTo: (height: number) => invoke<void>('resize_to', { height }),
};

interface Events {
  status: AgentStatus;
  outbox: OutboxEntry;
  tickets: TicketListItem[];
  form: TicketForm;
  'show-ticket': { ticket: string };
  /** The window has been closed for a while. */
  rest: null;
  'tauri://drag-drop': { paths: string[] };
  'tauri://drag-enter': unknown;
  'tauri://drag-leave': unknown;
}

/** Calls back for each event, until the function that it returns is called. */
export function on<E extends keyof Events>(event: E, callback: (payload: Events[E]) => void): () => void {
  const listening = listen<Events[E]>(event, ({ payload }) => callback(payload), { target: label() });
  return () => void listening.then((stop) => stop());
}

/** Calls back as long as the component that asks is shown: one that is gone hears nothing. */
export function whileShown<E extends keyof Events>(event: E, callback: (payload: Events[E]) => void): void {
  onDestroy(on(event, callback));
}

export function label(): string {
  return getCurrentWebviewWindow().label;
}

/** The address of the screenshot, as it would be sent. */
export function pictureAddress(version: number): string {
  return convertFileSrc(String(version), 'shot');
}

export async function toBase64(file: Blob): Promise<string> {
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error('the file cannot be read'));
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(',') + 1);
}
