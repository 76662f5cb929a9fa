import { AT_FDCWD, ascii, type Bytes, RENAME_EXCHANGE, renameat, renameat2 } from '@emplace/syscalls';
import type { ControlName, Subject } from './report.ts';

/** One way to replace files, for instance a merge strategy. */
export interface Way {
  readonly name: string;
  /**
   * Replaces all files of the directory `root` by those of the same names in the directory `image`, which it may use up.
   * Both paths are absolute, short, and lead there through a descriptor of this process. An error with a `code` says
   * that the way cannot be gone here; any other is thrown on.
   */
  replace(image: Bytes, root: Bytes): void;
}

/** How a replacement is known to leak: what the probe has to notice, or it notices nothing. */
export interface Control extends Way {
  readonly name: ControlName;
  /** In which of the probed directories the image is made. */
  readonly image: 'source' | 'target';
}

/** The names of the probe's files, in the image and in the root. */
export const FILES: Readonly<Record<Subject, Bytes>> = {
  program: ascii('program'),
  library: ascii('library'),
  data: ascii('data'),
};

/** The first that does not fail is the control. */
export const controls: readonly Control[] = [
  { name: 'exchange', image: 'source', replace: exchange },
  { name: 'exchange-on-target', image: 'target', replace: exchange },
  { name: 'aside', image: 'target', replace: moveAside },
];

function exchange(image: Bytes, root: Bytes): void {
  for (const name of Object.values(FILES)) {
    renameat2(AT_FDCWD, `${image}/${name}` as Bytes, AT_FDCWD, `${root}/${name}` as Bytes, RENAME_EXCHANGE);
  }
}

function moveAside(image: Bytes, root: Bytes): void {
  for (const name of Object.values(FILES)) {
    renameat(AT_FDCWD, `${root}/${name}` as Bytes, AT_FDCWD, `${image}/old-${name}` as Bytes);
    renameat(AT_FDCWD, `${image}/${name}` as Bytes, AT_FDCWD, `${root}/${name}` as Bytes);
  }
}
