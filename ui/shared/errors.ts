// What an error says to a person: the fact, what is kept, the next step.

import { bytes } from './format';
import type { ErrorDetails } from './gen/ErrorDetails';
import { counted, find, number, t } from './i18n.svelte';

export interface Fault {
  code: string;
  details?: Partial<ErrorDetails>;
}

/** What was refused says why; anything else is a fault of ours. */
export function asFault(error: unknown): Fault {
  if (typeof error === 'object' && error !== null && 'code' in error) return error as Fault;
  console.error(error);
  return { code: 'internal' };
}

const IN_BYTES = new Set(['file_too_large', 'ticket_too_large', 'body_too_large', 'outbox_full']);

/** The text under `error.<code>`, with the error's details in it. */
export function errorText(error: Fault): string {
  const details = error.details ?? {};
  if (error.code === 'token_wrong') {
    const left = details.tries_left ?? 0;
    return left > 0 ? counted('error.token_wrong', left) : t('error.token_wrong.none');
  }
  if (error.code === 'too_many_requests') {
    return counted('error.too_many_requests', Math.max(1, Math.ceil((details.retry_after ?? 60) / 60)));
  }
  const limit = details.limit ?? 0;
  const values = {
    limit: IN_BYTES.has(error.code) ? bytes(limit) : number(limit),
    domains: (details.domains ?? []).join(', '),
    field: details.field ?? '',
  };
  return find(`error.${error.code}`, values) ?? t('error.internal');
}

/** Where an error belongs to, for the field that shows it. */
export function errorField(error: Fault): string | undefined {
  return error.details?.field ?? FIELDS[error.code];
}

const FIELDS: Record<string, string> = {
  subject_missing: 'subject',
  subject_too_long: 'subject',
  text_missing: 'text',
  text_too_long: 'text',
  name_missing: 'name',
  name_too_long: 'name',
  name_taken: 'name',
  email_invalid: 'email',
  domain_foreign: 'email',
  requester_deactivated: 'email',
  domain_taken: 'domains',
  domain_invalid: 'domains',
  password_too_short: 'password',
  setup_code_wrong: 'code',
  token_wrong: 'token',
  token_expired: 'token',
  token_missing: 'token',
};
