import { onOneMount } from '@emplace/fsprobe';
import type { Strategy } from './strategy.ts';

/** The entry is renamed straight from the image when it is committed. */
export const rename: Strategy = {
  name: 'rename',
  traits: { staging: 'in-image', links: false, copies: false },
  needs: ['rename'],
  refusedAt: (site) => (onOneMount(site) ? undefined : 'EXDEV'),
  stage: () => undefined,
};
