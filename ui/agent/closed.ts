// Why no ticket can be written on this PC.

import type { AgentStatus } from '../shared/gen/AgentStatus';
import type { ProblemCode } from '../shared/gen/ProblemCode';
import type { Key } from '../shared/i18n.svelte';

export interface Reason {
  title: Key;
  text: Key;
  /** The problems that this says already. */
  says: ProblemCode[];
}

/** The nearest thing that somebody can change; nothing where the form is open. */
export function closedBecause(status: Pick<AgentStatus, 'state' | 'problems'>): Reason | undefined {
  const { state, problems } = status;
  if (!state) return notEnrolled(problems[0]?.code);
  switch (state.registration) {
    case 'accepted':
      return state.enabled ? undefined : notEnabled(state.organization);
    default: {
      const code: ProblemCode = `device_${state.registration}`;
      return { title: 'agent.closed.title', text: `problem.${code}`, says: [code] };
    }
  }
}

function notEnrolled(code: ProblemCode | undefined): Reason {
  const title = 'agent.closed.not_enrolled';
  return code ? { title, text: `problem.${code}`, says: [code] } : { title, text: 'error.not_enrolled', says: [] };
}

function notEnabled(organization: string): Reason {
  const text = organization ? 'agent.closed.text' : 'agent.closed.text.plain';
  return { title: 'agent.closed.title', text, says: [] };
}
