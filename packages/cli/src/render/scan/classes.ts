import { type StaleClass, staleClasses } from '@emplace/fsprobe';

/** How much a class matters: `alarm` wants a person to look, `stale` wants a restart, `note` is told when asked for. */
export type Grade = 'alarm' | 'stale' | 'note';

interface ClassWords {
  readonly grade: Grade;
  /** One clause for a person who has never heard of it. */
  readonly meaning: string;
  /** What to do instead, where starting anew mends nothing or does harm. Empty: there is nothing to do. */
  readonly remedy?: string;
}

export const classWords: Readonly<Record<StaleClass, ClassWords>> = {
  'image-path': { grade: 'alarm', meaning: 'shows a path of an image or build directory' },
  'staged-name': { grade: 'alarm', meaning: 'shows a name that an installer uses only until it is done' },
  fileless: {
    grade: 'alarm',
    meaning: 'runs a program that lies on no disk',
    remedy: 'inspect before it ends, its memory has the only copy of the program',
  },
  'replaced-executable': { grade: 'stale', meaning: 'runs a program that was replaced' },
  'replaced-library': { grade: 'stale', meaning: 'uses a library that was replaced' },
  deleted: { grade: 'stale', meaning: 'runs or uses a file that was removed' },
  'moved-aside': { grade: 'stale', meaning: 'runs or uses an old file that lives on under another name' },
  'modified-in-place': { grade: 'stale', meaning: 'uses a file that was overwritten after the process had started' },
  'changed-script': { grade: 'stale', meaning: 'runs a script that was changed after the process had started' },
  'pinned-by-mount': {
    grade: 'stale',
    meaning: 'uses a replaced file that a mount keeps in its place',
    remedy: 'mount anew what `emplace scan -v` names, a restart gets the old file again',
  },
  'deleted-directory': { grade: 'note', meaning: 'has its working directory or root in a directory that was removed' },
  'replaced-descriptor': { grade: 'note', meaning: 'has a file open that was replaced or removed (data, no code)' },
  benign: { grade: 'note', meaning: 'holds memory or a file that never had a name to keep', remedy: '' },
};

const grades: readonly Grade[] = ['alarm', 'stale', 'note'];

/** The worst first. */
export function byGrade(a: StaleClass, b: StaleClass): number {
  return (
    grades.indexOf(classWords[a].grade) - grades.indexOf(classWords[b].grade) ||
    staleClasses.indexOf(a) - staleClasses.indexOf(b)
  );
}

export function worstGrade(classes: Iterable<StaleClass>): Grade {
  const found = new Set(Array.from(classes, (name) => classWords[name].grade));
  return grades.find((grade) => found.has(grade)) ?? 'note';
}
