// What an error says on this page, where it says something else than elsewhere.

import { errorText, type Fault } from '../shared/errors';
import { t } from '../shared/i18n.svelte';

export function faultText(error: Fault): string {
  if (error.code === 'not_signed_in') return t('portal.closed.ended.text');
  if (error.code === 'content_conflict') return t('portal.conflict');
  return errorText(error);
}
