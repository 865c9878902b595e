// What an error says to a technician, where that is something else than what it says to an employee.

import { errorText as common } from '../shared/errors';
import { find } from '../shared/i18n.svelte';

export { errorField } from '../shared/errors';

export function errorText(error: Parameters<typeof common>[0]): string {
  const domains = (error.details?.domains ?? []).join(', ');
  return find(`console.error.${error.code}`, { domains }) ?? common(error);
}
