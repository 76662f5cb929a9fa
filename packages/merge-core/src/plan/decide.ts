import type { EntryType } from '@emplace/fsprobe';

/**
 * What to do with an entry of the image, given what the root has at its name.
 * `make`: a new directory. `enter`: merge into it. `through`: the symlink stays when it leads to a directory, and
 * the merge goes through it. `compare`: left alone when identical, else replaced. `displace`: an empty directory
 * gives way, any other is a conflict. `conflict`: refused unless types may be replaced. `skip`: not merged.
 */
export type Decision =
  | 'make'
  | 'enter'
  | 'through'
  | 'create'
  | 'compare'
  | 'replace'
  | 'displace'
  | 'conflict'
  | 'skip';

type TargetType = EntryType | 'nothing';

const nodes = { fifo: 'replace', char: 'replace', block: 'replace', socket: 'replace' } as const;

/** Source type × target type. The compiler sees to it that no cell is missing. */
export const decisions: Readonly<Record<EntryType, Readonly<Record<TargetType, Decision>>>> = {
  directory: {
    nothing: 'make',
    directory: 'enter',
    // Merged /usr: /lib → usr/lib stays a symlink.
    symlink: 'through',
    file: 'conflict',
    fifo: 'conflict',
    char: 'conflict',
    block: 'conflict',
    socket: 'conflict',
  },
  file: { nothing: 'create', directory: 'displace', file: 'compare', symlink: 'replace', ...nodes },
  symlink: { nothing: 'create', directory: 'displace', file: 'replace', symlink: 'compare', ...nodes },
  fifo: { nothing: 'create', directory: 'displace', file: 'replace', symlink: 'replace', ...nodes, fifo: 'compare' },
  char: { nothing: 'create', directory: 'displace', file: 'replace', symlink: 'replace', ...nodes, char: 'compare' },
  block: { nothing: 'create', directory: 'displace', file: 'replace', symlink: 'replace', ...nodes, block: 'compare' },
  // A socket is an end of a running program's connection; its name means nothing without the program.
  socket: {
    nothing: 'skip',
    directory: 'skip',
    file: 'skip',
    symlink: 'skip',
    fifo: 'skip',
    char: 'skip',
    block: 'skip',
    socket: 'skip',
  },
};
