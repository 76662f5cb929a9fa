import type { Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Steps } from '../steps.ts';
import type { Additions } from './additions.ts';
import type { Draft } from './draft.ts';
import type { Current } from './placing.ts';

/** What becomes of an entry of the image: merged, left in the image, or placed beside the one that is there. */
export type Judgement = 'merge' | 'leave' | { readonly as: Bytes };

/** `stays`: it may not. `goes`: it belongs to the version that goes. `aside`: somebody wants it, so it gets this name when all is done. */
export type GivingWay = 'stays' | 'goes' | { readonly aside: Bytes };

/**
 * What the one who keeps the ledger says of single entries while a merge is planned: whose the old one is, and whether it is
 * protected. The engine itself knows nothing of packages.
 */
export interface Ruling {
  /** Of an entry that is no directory. `old`: what the root has under its name. */
  judge(current: Current, name: Bytes, stat: Stat, old: Stat | undefined): Judgement;
  /** Whether a file's content need not be compared, for it is known to be that of the image's. */
  isKnown(current: Current, name: Bytes, old: Stat): boolean;
  /** Whether a new directory must be looked into, for something below it needs a judgement of its own. */
  looksInto(target: Bytes): boolean;
  /** Whether an old entry, with all below it, may give way to one of another type. */
  givesWay(current: Current, name: Bytes, old: Stat): GivingWay;
  /** Whether the name is one that the ledger writes itself. */
  isReserved(target: Bytes): boolean;
}

/** The ledger's part of a plan. */
export interface PlanLedger {
  readonly ruling: Ruling;
  /** Paths below the image that stay out, with all below them. */
  readonly masked: ReadonlySet<Bytes>;
  /** Adds what is planned beside the image, once all of the image is: obsolete names, its own records, and what speaks against the merge. */
  complete(draft: Draft, additions: Additions): Steps<void>;
}

/** Without a ledger every entry is merged. */
export const noLedger: PlanLedger = {
  ruling: {
    judge: () => 'merge',
    isKnown: () => false,
    looksInto: () => false,
    givesWay: () => 'stays',
    isReserved: () => false,
  },
  masked: new Set(),
  *complete() {},
};
