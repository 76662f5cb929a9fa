import { ascii, close } from '@emplace/syscalls';
import { openRegular, type Root, textOf } from '../below-root.ts';
import type { LineReader } from './read-lines.ts';

const STATUS = ascii('var/lib/dpkg/status');
const ARCHITECTURES = ascii('var/lib/dpkg/arch');
const FIELD = /^(Package|Status|Architecture|Version): (.*)$/;
/** First letters of the fields that are wanted. */
const LETTERS = Array.from('PSAV', (letter) => letter.charCodeAt(0));
const VERSION = /^[A-Za-z0-9.+:~-]+$/;
const ARCHITECTURE = /^[a-z0-9-]+$/;

export interface InstalledVersion {
  /** `''` for a package of which only configuration is left. */
  readonly version: string;
  readonly architecture: string;
}

/** Versions of some packages, by the names that dpkg's lists have: `zlib1g:amd64`, `bash`. */
export function readVersions(
  root: Root,
  reader: LineReader,
  names: ReadonlySet<string>,
): ReadonlyMap<string, InstalledVersion> {
  const found = new Map<string, InstalledVersion>();
  const fd = names.size === 0 ? undefined : openRegular(root, STATUS);
  if (fd === undefined) return found;
  let fields: Record<string, string> = {};
  const finish = (): void => {
    keep(fields, names, found);
    fields = {};
  };
  try {
    reader.visit(fd, (buffer, start, end) => {
      if (start === end) return finish();
      // Nearly all lines are descriptions and dependencies.
      if (!LETTERS.includes(buffer[start] as number)) return;
      const [, field, value = ''] = FIELD.exec(buffer.latin1Slice(start, end)) ?? [];
      if (field !== undefined) fields[field] = value;
    });
  } finally {
    close(fd);
  }
  finish();
  return found;
}

/** The machine's own, as dpkg keeps it where packages of others can be installed too; undefined elsewhere. */
export function nativeArchitecture(root: Root): string | undefined {
  return textOf(root, ARCHITECTURES)?.split('\n')[0];
}

function keep(
  {
    Package: name = '',
    Status: status = '',
    Architecture: architecture = '',
    Version: version = '',
  }: Record<string, string>,
  names: ReadonlySet<string>,
  found: Map<string, InstalledVersion>,
): void {
  if (!ARCHITECTURE.test(architecture) || !VERSION.test(version)) return;
  const configurationOnly = /(?:config-files|not-installed)$/.test(status);
  for (const key of [`${name}:${architecture}`, name]) {
    // One package may have a record for each architecture: that of an installed one is asked for.
    if (!names.has(key) || (configurationOnly && found.has(key))) continue;
    found.set(key, { version: configurationOnly ? '' : version, architecture });
  }
}
