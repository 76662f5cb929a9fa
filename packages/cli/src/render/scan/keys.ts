import type { ScannedProcess, ScanReport } from '@emplace/fsprobe';
import { groupsBy, serviceKey } from './groups.ts';

/** By what parts of the page name packages and services: `p3`, `s0`. There is nothing of the name in it that could be hostile. */
export interface Keys {
  readonly package: (name: string) => string;
  readonly service: (process: ScannedProcess) => string;
}

export function keysOf(report: ScanReport): Keys {
  const packages = new Map(groupsBy('package', report).map(({ name }, at) => [name, `p${at}`]));
  const services = new Map<string, string>();
  for (const { service } of report.processes)
    if (!services.has(serviceKey(service))) services.set(serviceKey(service), `s${services.size}`);
  return {
    package: (name) => packages.get(name) ?? '',
    service: ({ service }) => services.get(serviceKey(service)) ?? '',
  };
}
