import type { Boundaries, Boundary, MountBoundary } from '@emplace/fsprobe';
import { show } from '@emplace/syscalls';

type Mount = MountBoundary['mount'];

/** A tree of boundaries, and what they mean to a merge into the directory. */
export function renderMounts(found: Boundaries): string {
  const { root, enclosing, boundaries, unread, unparsed } = found;
  const at = boundaries.find(({ path, reach }) => path === '' && reach !== 'hidden');
  const inside = enclosing === undefined ? 'on a mount that is not listed' : `on ${describeMount(enclosing)}`;
  const rows: [string, string][] = [[show(root), at === undefined ? inside : describe(at)]];
  for (const { boundary, label } of tree(boundaries.filter((boundary) => boundary !== at))) {
    rows.push([label, describe(boundary)]);
  }
  const width = Math.max(...rows.map(([label]) => label.length));
  const unknown = [
    ...unparsed.map((line) => `not understood in the list of mounts: ${show(line)}`),
    ...unread.map(({ path, code }) => `not read, so that subvolumes below are not known: \`${show(path)}\` (${code})`),
  ];
  return [...rows.map(([label, what]) => `${label.padEnd(width)}  ${what}`), ...unknown, '', ...meaning(found)].join(
    '\n',
  );
}

interface Branch {
  readonly boundary: Boundary;
  readonly label: string;
}

/** `boundaries` are in order, each before what is below it. A label is the path below the nearest one above. */
function tree(boundaries: readonly Boundary[]): Branch[] {
  const parents = parentsOf(boundaries);
  const last = new Map(parents.map((parent, i) => [parent, i]));
  const stems: string[] = [];
  return boundaries.map((boundary, i) => {
    const parent = parents[i];
    const above = parent === undefined ? '' : (stems[parent] ?? '');
    const isLast = last.get(parent) === i;
    stems[i] = `${above}${isLast ? '   ' : '│  '}`;
    const prefix = parent === undefined ? 0 : `${boundaries[parent]?.path}/`.length;
    return {
      boundary,
      label: `${above}${isLast ? '└─ ' : '├─ '}${show(boundary.path.slice(prefix) as Boundary['path']) || '.'}`,
    };
  });
}

/** For each the number of the nearest open one that it lies below; undefined for the directory itself. */
function parentsOf(boundaries: readonly Boundary[]): (number | undefined)[] {
  const above: number[] = [];
  return boundaries.map(({ path, reach }, i) => {
    while (above.length > 0 && !path.startsWith(`${boundaries[above.at(-1) as number]?.path}/`)) above.pop();
    const parent = above.at(-1);
    if (reach !== 'hidden') above.push(i);
    return parent;
  });
}

function describe(boundary: Boundary): string {
  const { readOnly, noExec, noSuid, noDev, reach } = boundary;
  const flags = Object.entries({ ro: readOnly, noexec: noExec, nosuid: noSuid, nodev: noDev });
  const told = flags.flatMap(([name, set]) => (set ? [name] : []));
  if (reach === 'hidden') told.push('hidden by another mount');
  else if (reach !== 'open') told.push(`not looked at: ${reach.unread}`);
  return [what(boundary), ...told].join(', ');
}

function what(boundary: Boundary): string {
  if (boundary.kind === 'subvolume') return 'subvolume';
  const { mount, shows, entry } = boundary;
  const { root, rootDeleted } = mount;
  if (shows === 'all') return describeMount(mount);
  if (shows === 'subvolume') return `subvolume \`${show(root)}\` of ${describeMount(mount)}`;
  const file = entry === 'file' ? ' (a file)' : '';
  return `bind mount of \`${show(root)}\`${rootDeleted ? ', since removed,' : ''} of ${describeMount(mount)}${file}`;
}

/** ``ext4 on `/dev/sda1` ``; without a source that only repeats the type or says nothing. */
function describeMount({ type, subtype, source }: Mount): string {
  const name = subtype === undefined ? show(type) : `${show(type)}.${show(subtype)}`;
  return [type, subtype, 'none', ''].includes(source) ? name : `${name} on \`${show(source)}\``;
}

/** In the engine's words: which strategies end at a boundary, and what is refused there. */
function meaning({ root, boundaries }: Boundaries): string[] {
  const crossed = boundaries.filter(({ path, reach }) => path !== '' && reach !== 'hidden');
  const into = `a merge into \`${show(root)}\` would cross`;
  if (crossed.length === 0) return [`${into} no boundary`];
  const lines = [
    `${into} ${crossed.length === 1 ? 'one boundary' : `${crossed.length} boundaries`}, wherever it has entries beyond:`,
    '  rename, double-rename and hardlink work only from an image on the same side: across, the kernel gives EXDEV',
    '  `auto` takes reflink where both sides are one file system that can, else copy',
  ];
  const files = crossed.filter((boundary) => boundary.kind === 'mount' && boundary.entry === 'file');
  const writable = files.filter((boundary) => !boundary.readOnly);
  if (writable.length > 0)
    lines.push(`  ${list(writable)}: cannot be replaced (EBUSY), written through with \`--busy in-place\``);
  const fixed = files.filter((boundary) => boundary.readOnly);
  if (fixed.length > 0) lines.push(`  ${list(fixed)}: cannot be replaced (EBUSY) or written to (read-only), refused`);
  const readOnly = crossed.filter((boundary) => boundary.readOnly && !files.includes(boundary));
  if (readOnly.length > 0) lines.push(`  ${list(readOnly)}: read-only, refused`);
  return lines;
}

function list(boundaries: readonly Boundary[]): string {
  const shown = boundaries.slice(0, 5).map(({ path }) => `\`${show(path)}\``);
  return [...shown, ...(boundaries.length > shown.length ? [`${boundaries.length - shown.length} more`] : [])].join(
    ', ',
  );
}

/** For programs: paths as text, escaped as for a person. */
export function mountsJson({ root, mountId, dev, enclosing, boundaries, unread, unparsed }: Boundaries): object {
  return {
    root: show(root),
    mountId,
    dev,
    ...(enclosing && { enclosing: mountJson(enclosing) }),
    boundaries: boundaries.map((boundary) => ({
      ...boundary,
      path: show(boundary.path),
      ...(boundary.kind === 'mount' && { mount: mountJson(boundary.mount) }),
    })),
    unread: unread.map(({ path, code }) => ({ path: show(path), code })),
    unparsed: unparsed.map(show),
  };
}

function mountJson({ root, point, source, type, subtype, options, optional, superOptions, ...rest }: Mount): object {
  return {
    ...rest,
    root: show(root),
    point: show(point),
    type: show(type),
    ...(subtype === undefined ? {} : { subtype: show(subtype) }),
    source: show(source),
    options: options.map(show),
    optional: optional.map(show),
    superOptions: superOptions.map(show),
  };
}
