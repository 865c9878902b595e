// What a person is told of an entry of the outbox.

import type { OutboxEntry } from '../../shared/gen/OutboxEntry';

export type Outcome = 'confirm' | 'saved' | 'sending' | 'sent' | 'attention';

/** Offline is a result, and not an error: what is saved goes later by itself. */
export function outcome(entry: Pick<OutboxEntry, 'state' | 'reason'>, online: boolean): Outcome {
  switch (entry.state) {
    case 'delivered':
      return 'sent';
    case 'needs_attention':
      return 'attention';
    case 'awaiting_confirmation':
      return 'confirm';
    default:
      return online && !entry.reason ? 'sending' : 'saved';
  }
}
