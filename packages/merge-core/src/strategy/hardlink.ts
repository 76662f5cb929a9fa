import { onOneMount } from '@emplace/fsprobe';
import type { Strategy } from './strategy.ts';

/** A second name for the image's inode. While the image is kept, both trees share content and attributes. */
export const hardlink: Strategy = {
  name: 'hardlink',
  traits: { staging: 'made', links: true, copies: false },
  needs: ['link'],
  refusedAt: (site) => (onOneMount(site) ? undefined : 'EXDEV'),
  stage: (source, _stat, staged, fs) => {
    fs.link(source.dir, source.name, staged.dir, staged.name);
    return undefined;
  },
};
