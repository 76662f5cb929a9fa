import { type Bytes, show, toBytes } from '@emplace/syscalls';
import { MergeError } from '../errors.ts';

/** One version of one package. All parts are ASCII, and good as one name in a directory. */
export interface PackageName {
  readonly category: Bytes;
  /** Name and version, for instance `bash-5.2_p26-r6`. */
  readonly pf: Bytes;
  /** Name alone, `bash`. */
  readonly pn: Bytes;
  /** With the revision, `5.2_p26-r6`. */
  readonly version: Bytes;
}

/** PMS 3.2, with the revision. */
const VERSION = String.raw`\d+(?:\.\d+)*[a-z]?(?:_(?:alpha|beta|pre|rc|p)\d*)*(?:-r\d+)?`;
/** PMS 3.1.1. What starts with a hyphen or a dot is never a category: `-MERGING-…`, `..`, hidden names. */
const CATEGORY = /^[A-Za-z0-9_][A-Za-z0-9+_.-]*$/;
/** PMS 3.1.2. The name is as short as the version allows. */
const PF = new RegExp(`^([A-Za-z0-9_][A-Za-z0-9+_-]*?)-(${VERSION})$`);
const ENDS_IN_VERSION = new RegExp(`-${VERSION}$`);
/** NAME_MAX, and Portage puts `-MERGING-` before it. */
const PF_LENGTH_MAX = 255 - '-MERGING-'.length;

/**
 * `CATEGORY/PF` by the rules of the Package Manager Specification, chapter 3.
 * @throws MergeError BAD_OPTION
 */
export function parsePackageName(text: string): PackageName {
  const name = tryPackageName(text);
  if (name !== undefined) return name;
  throw new MergeError('BAD_OPTION', `\`${show(toBytes(text))}\` is no package: it has to be CATEGORY/NAME-VERSION`);
}

/** As {@link parsePackageName}; undefined for what is none. */
export function tryPackageName(text: string): PackageName | undefined {
  const slash = text.indexOf('/');
  const [category, pf] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  // Long runs of digits and hyphens make the expression slow before they make a name.
  if (category.length > 255 || pf.length > PF_LENGTH_MAX || !CATEGORY.test(category)) return undefined;
  const [, pn, version] = PF.exec(pf) ?? [];
  // `foo-1-2` could be `foo-1` in version 2 or a torn name: PMS has neither.
  if (pn === undefined || version === undefined || ENDS_IN_VERSION.test(pn)) return undefined;
  return { category, pf, pn, version } as PackageName;
}

/** `CATEGORY/PF`. */
export function showPackage(name: PackageName): string {
  return `${name.category}/${name.pf}`;
}
