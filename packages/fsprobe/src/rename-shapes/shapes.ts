import { ascii, type Bytes } from '@emplace/syscalls';

/** The ways in which package managers rename a written file to its name (Nanvix test NSKIP055). */
export type ShapeName = 'sibling' | 'subdirectory' | 'replaceInSubdirectory' | 'pycache' | 'replace' | 'nested';

interface Shape {
  /** Directories, each in the one before, in the last of which the file is renamed. */
  readonly directories: readonly Bytes[];
  /** Whether the new name is taken. */
  readonly replaces: boolean;
}

/**
 * Source and target always lie in one directory: a rename between two holds a lock of the whole file system
 * (s_vfs_rename_mutex), and one that hangs would hang every other there.
 */
export const SHAPES: Readonly<Record<ShapeName, Shape>> = {
  sibling: { directories: [], replaces: false },
  subdirectory: { directories: [ascii('directory')], replaces: false },
  replaceInSubdirectory: { directories: [ascii('directory')], replaces: true },
  pycache: { directories: [ascii('__pycache__')], replaces: false },
  replace: { directories: [], replaces: true },
  nested: { directories: [ascii('a'), ascii('b'), ascii('c')], replaces: false },
};

export const shapeNames: readonly ShapeName[] = Object.keys(SHAPES) as ShapeName[];

/** What became of one shape's rename. */
export type ShapeVerdict =
  | { readonly verdict: 'ok' }
  /** errno name. */
  | { readonly verdict: 'errno'; readonly errno: string }
  | {
      readonly verdict: 'hung';
      /** How long it was waited for. */
      readonly afterMs: number;
      /** Of the thread in the call, as in proc(5): `D` after SIGKILL did not end it. `?` where /proc does not tell. */
      readonly state: string;
      /** The kernel's function it waits in, where /proc tells. */
      readonly wchan?: string;
      /** The child that SIGKILL could not end: it goes when the file system answers. */
      readonly pid?: number;
    }
  | { readonly verdict: 'not-measured'; readonly why: string };

export interface RenameShapes {
  readonly shapes: Readonly<Record<ShapeName, ShapeVerdict>>;
  /** Paths of what could not be removed, or may yet appear: to be removed when the file system answers again. */
  readonly left: readonly Bytes[];
}

/** One verdict for all. */
export function everyShape(verdict: ShapeVerdict): RenameShapes['shapes'] {
  return eachShape(() => verdict);
}

export function eachShape(of: (shape: ShapeName) => ShapeVerdict): RenameShapes['shapes'] {
  return Object.fromEntries(shapeNames.map((shape) => [shape, of(shape)])) as Record<ShapeName, ShapeVerdict>;
}
