import { type Bytes, isErrno } from '@emplace/syscalls';
import { PRISTINE_BYTES_MAX } from '../ledger/pristine.ts';
import { HERE, join, splitPath } from '../paths.ts';
import type { ConfigSite } from './site.ts';
import { privateFile, replace } from './staged-file.ts';

/** As the ledger makes its directories. */
const DIRECTORY_MODE = 0o755;

/**
 * Keeps what a file was last brought up to, for the next merge of it.
 * @param content undefined: of this one nothing is kept, and what was kept before is no base for anything
 */
export function keepPristine(path: Bytes, content: Buffer | undefined, site: ConfigSite): void {
  const { fs, root, places, durable } = site;
  const { parent, name } = splitPath(join(places.pristine, path));
  if (content === undefined || content.length > PRISTINE_BYTES_MAX) {
    removeOld(parent, name, site);
    return;
  }
  makeDirectories(parent, site);
  const dir = root.at(parent);
  replace({ dir, name, make: privateFile(dir, content, fs), durable }, fs);
}

function removeOld(parent: Bytes, name: Bytes, { fs, root }: ConfigSite): void {
  try {
    fs.unlink(root.at(parent), name);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

function makeDirectories(path: Bytes, { fs, root }: ConfigSite): void {
  let at = HERE;
  for (const name of path.split('/') as Bytes[]) {
    try {
      fs.mkdir(root.at(at), name, DIRECTORY_MODE);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
    at = join(at, name);
  }
}
