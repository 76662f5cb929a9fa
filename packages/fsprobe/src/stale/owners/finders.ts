import type { OwnerFinder } from '../model.ts';
import { apkOwners } from './apk.ts';
import { dpkgOwners } from './dpkg.ts';
import { pacmanOwners } from './pacman.ts';

/**
 * All whose databases are text that a few lines of code can read. rpm's is not (SQLite, ndb or Berkeley DB with binary
 * headers in it): on its systems no owner is named.
 */
export const ownerFinders: readonly OwnerFinder[] = [dpkgOwners, pacmanOwners, apkOwners];
