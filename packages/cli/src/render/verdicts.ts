import type { PathVerdict, UnmergeReason } from '@emplace/merge-core';

/** Why an entry of a version that goes stays, beside Portage's label for it. */
const REASONS: Readonly<Record<UnmergeReason, string>> = {
  '': 'special files stay',
  '!prefix': 'outside of the prefix',
  '!found': 'not there',
  cfgpro: 'protected',
  replaced: 'the new version has it',
  needed: 'a library that another package needs',
  '!mtime': 'its time was changed',
  '!md5': 'its content was changed',
  '!dir': 'no directory any more',
  '!sym': 'no symlink any more',
  '!obj': 'no regular file any more',
  '!fif': 'no FIFO any more',
  '!empty': 'not empty, or others use it',
  '!unsafe': 'reached through a symlink that a user may have planted',
  '!mount': 'something is mounted there',
};

export function whyItStays({ reason }: Pick<PathVerdict, 'reason'>): string {
  return reason === '' ? REASONS[reason] : `${reason}: ${REASONS[reason]}`;
}

/** Whether a person wants to know that an entry stays: not when the new version has it, or when there is none. */
export function isWorthTelling({ verdict, reason }: PathVerdict): boolean {
  return verdict === 'keep' && reason !== 'replaced' && reason !== '!found';
}
