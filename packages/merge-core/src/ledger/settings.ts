import { ascii } from '@emplace/syscalls';
import type { CollisionPolicy, PackageSettings } from './package-request.ts';
import type { PortageConfig } from './portage-config.ts';

/** Where nobody says anything. */
const defaults: PackageSettings = {
  collisions: 'protect-owned',
  collisionIgnore: [],
  configProtect: [],
  configProtectMask: [],
  configProtectIfModified: true,
  installMask: ascii(''),
  preserveLibs: false,
  keepModified: false,
  mergeUseVdb: false,
  uninstallIgnore: [ascii('/lib/modules/*')],
};

/** What the caller says counts; then what Portage's configuration says (section K of its features), then the defaults. */
export function settle(said: Partial<PackageSettings>, config: PortageConfig | undefined): PackageSettings {
  return { ...defaults, ...(config && fromPortage(config)), ...said };
}

function fromPortage(config: PortageConfig): PackageSettings {
  const { features, collisionIgnore, configProtect, configProtectMask, installMask, uninstallIgnore } = config;
  return {
    ...{ collisionIgnore, configProtect, configProtectMask, installMask, uninstallIgnore },
    collisions: policyOf(features),
    configProtectIfModified: features.has('config-protect-if-modified'),
    preserveLibs: features.has('preserve-libs'),
    keepModified: !features.has('unmerge-orphans'),
    mergeUseVdb: features.has('merge-use-vdb'),
  };
}

function policyOf(features: ReadonlySet<string>): CollisionPolicy {
  if (features.has('collision-protect')) return 'refuse';
  return features.has('protect-owned') ? 'protect-owned' : 'warn';
}
