// The facts of a device's state, as people read them.

import { bytes, duration, percent } from './format';
import type { Context } from './gen/Context';
import { type Key, t } from './i18n.svelte';

export interface Fact {
  /** Its JSON name. */
  name: keyof Context;
  label: string;
  value: string;
}

const ORDER: (keyof Context)[] = ['device', 'system', 'network', 'disk', 'memory', 'battery', 'user', 'uptime'];

/** The known facts, in their order. */
export function facts(context: Context): Fact[] {
  return ORDER.flatMap((name) => {
    const value = text(context, name);
    return value === undefined ? [] : [{ name, label: t(`common.fact.${name}` as Key), value }];
  });
}

function text(context: Context, name: keyof Context): string | undefined {
  switch (name) {
    case 'network':
      return context.network ? `${context.network.ip} (${context.network.interface})` : undefined;
    case 'disk':
    case 'memory': {
      const space = context[name];
      return space ? t('common.fact.free', { free: bytes(space.free), total: bytes(space.total) }) : undefined;
    }
    case 'battery': {
      const battery = context.battery;
      if (!battery) return undefined;
      const level = percent(battery.percent / 100);
      return battery.charging ? t('common.fact.charging', { level }) : level;
    }
    case 'uptime':
      return context.uptime === null || context.uptime === undefined ? undefined : duration(context.uptime);
    default:
      return context[name] ?? undefined;
  }
}
