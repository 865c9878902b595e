// One word for what is decided for a device's agent and whether it has heard.

import type { AgentSummary } from '../api';

export function agentState(agent: Pick<AgentSummary, 'wanted' | 'delivery'>): 'active' | 'off' | 'waiting' | 'failed' {
  if (agent.delivery === 'failed') return 'failed';
  if (agent.delivery === 'waiting') return 'waiting';
  return agent.wanted ? 'active' : 'off';
}
