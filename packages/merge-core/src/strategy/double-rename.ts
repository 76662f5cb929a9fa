import { onOneMount } from '@emplace/fsprobe';
import type { Strategy } from './strategy.ts';

/** Renamed beside the target first, so that kernels before 4.17 show no image path in /proc/PID/exe (Gentoo bug 626092). */
export const doubleRename: Strategy = {
  name: 'double-rename',
  traits: { staging: 'moved', links: false, copies: false },
  needs: ['rename'],
  refusedAt: (site) => (onOneMount(site) ? undefined : 'EXDEV'),
  stage: (source, _stat, staged, fs) => {
    fs.rename(source.dir, source.name, staged.dir, staged.name);
    return undefined;
  },
};
