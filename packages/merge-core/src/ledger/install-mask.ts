import type { Bytes } from '@emplace/syscalls';
import { pythonGlob } from './python-glob.ts';

/** Says whether INSTALL_MASK keeps an entry of the image (path without a leading slash) out of the root. */
export type InstallMask = (path: Bytes, isDirectory: boolean) => boolean;

/**
 * INSTALL_MASK by Portage's rules (docs/PORTAGE.md, H). Patterns are split at blanks and newlines; the last one that matches
 * decides, and one after a `-` says that the entry stays. With a leading slash a pattern is tied to the top and means all
 * below what it matches too; with a slash at the end only directories. Any other is matched against a file's last name, and
 * never against a directory's (but for a lone `*`, which takes everything).
 *
 * A symlink is no directory here, wherever it leads. A masked directory that still holds something stays: that is for the
 * caller, who sees what is in it.
 */
export function installMask(patterns: Bytes): InstallMask {
  // The last match decides: from the end the first one will do.
  const rules = patterns
    .split(/[ \t\n\r\v\f]+/)
    .filter((word) => word !== '')
    .map(rule)
    .reverse();
  return (path, isDirectory) => rules.find(({ matches }) => matches(path, isDirectory))?.masks ?? false;
}

function rule(word: string): { masks: boolean; matches: InstallMask } {
  const masks = !word.startsWith('-');
  const pattern = masks ? word : word.slice(1);
  return { masks, matches: pattern.startsWith('/') ? anchored(pattern.slice(1)) : unanchored(pattern) };
}

function anchored(pattern: string): InstallMask {
  const bare = pattern.replace(/\/+$/, '');
  const [file, directory, below] = [pattern, `${bare}/`, `${bare}/*`].map((glob) => pythonGlob(glob as Bytes)) as [
    Matches,
    Matches,
    Matches,
  ];
  return (path, isDirectory) => {
    const written = isDirectory ? `${path}/` : path;
    return (isDirectory ? directory : file)(written) || below(written);
  };
}

type Matches = (text: string) => boolean;

function unanchored(pattern: string): InstallMask {
  const matches = pythonGlob(pattern as Bytes);
  // Portage looks at what comes after the last slash, and a directory's path ends with one.
  return (path, isDirectory) => matches(isDirectory ? '' : path.slice(path.lastIndexOf('/') + 1));
}
