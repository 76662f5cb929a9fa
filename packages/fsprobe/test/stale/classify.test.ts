/** What no disk of the tests does: servers, clocks that were set, and file systems that keep no time of birth. */
import { ascii, S_IFREG } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { classify, type Evidence } from '../../src/stale/classify.ts';
import type { Present } from '../../src/stale/found.ts';

const STARTED = 1_000_000;
const NOW = STARTED + 1000;

function file(ino: number, more: Partial<Present> = {}): Present {
  const times = { mtime: 1000, ctime: 1000, btime: 1000 };
  return { dev: 1, ino: BigInt(ino), nlink: 1, mode: S_IFREG | 0o755, mountId: 7, ...times, ...more };
}

/** A program that is what lies at its path. */
function current(more: Partial<Evidence> = {}): Evidence {
  return {
    held: 'exe',
    shown: ascii('/bin/it'),
    path: ascii('/bin/it'),
    root: ascii('/'),
    file: file(1),
    exact: true,
    lies: 'mounted',
    pinned: false,
    literal: file(1),
    stripped: 'absent',
    odd: undefined,
    successors: [],
    started: STARTED,
    now: NOW,
    ...more,
  };
}

function brief(evidence: Evidence): string | undefined {
  const verdict = classify(evidence);
  return typeof verdict === 'object' ? `${verdict.class} ${verdict.confidence}` : verdict;
}

const deleted = { shown: ascii('/bin/it (deleted)'), literal: 'absent' } as const;

test('what is at its path is current, and what may not be looked at is not known', () => {
  expect(brief(current())).toBeUndefined();
  expect(brief(current({ literal: 'unknown' }))).toBe('unknown');
  expect(brief(current({ ...deleted, stripped: 'unknown' }))).toBe('unknown');
});

test('an inode number of another device is another file', () => {
  expect(brief(current({ ...deleted, stripped: file(1, { dev: 2 }) }))).toBe('replaced-executable high');
  expect(brief(current({ ...deleted, stripped: file(1) }))).toBeUndefined();
});

test('names that file servers give to what was removed are of deleted files', () => {
  for (const name of ['/bin/.nfs000000000012345600000001', '/bin/.fuse_hidden0000000100000002']) {
    expect(brief(current({ shown: ascii(name) }))).toBe('deleted medium');
  }
});

test('what a server replaced is found though the kernel knows nothing of it', () => {
  expect(brief(current({ literal: file(2) }))).toBe('replaced-executable medium');
  expect(brief(current({ literal: file(2, { mountId: 8 }) }))).toBe('benign high');
  expect(brief(current({ literal: 'absent', file: file(1, { nlink: 0 }) }))).toBe('deleted high');
  expect(brief(current({ literal: 'absent' }))).toBe('benign high');
});

test('a file was written to only when its times say so, and clocks agree', () => {
  const written = (times: Partial<Present>): string | undefined => {
    const present = file(1, { mtime: STARTED + 10, ctime: STARTED + 10, ...times });
    return brief(current({ file: present, literal: present }));
  };
  expect(written({})).toBe('modified-in-place medium');
  expect(written({ btime: undefined })).toBe('modified-in-place low');
  // Made after the process started: it was loaded then, as far as anybody can tell.
  expect(written({ btime: STARTED + 5 })).toBeUndefined();
  expect(written({ mtime: NOW + 3600 })).toBeUndefined();
  expect(written({ mtime: STARTED + 0.5 })).toBeUndefined();
  expect(written({ ctime: STARTED - 5 })).toBeUndefined();
});

test('where maps counts otherwise than stat, only numbers are compared, and it is said', () => {
  const library = { held: 'library', exact: false } as const;
  expect(brief(current({ ...library, literal: file(1, { dev: 2 }) }))).toBeUndefined();
  expect(brief(current({ ...library, literal: file(2, { dev: 2 }) }))).toBe('unknown');
  const verdict = classify(current({ ...library, ...deleted, stripped: file(2, { dev: 2 }) }));
  expect(verdict).toMatchObject({ class: 'replaced-library', confidence: 'medium' });
  expect(verdict).toMatchObject({ evidence: expect.arrayContaining([expect.stringMatching(/without privilege/)]) });
});

test('a program of an image is a leak only when it came there later', () => {
  const odd = { kind: 'image', by: 'Portage', destination: ascii('/bin/it'), certain: false, found: file(2) } as const;
  expect(brief(current({ odd }))).toBeUndefined();
  const moved = file(1, { ctime: STARTED + 10 });
  expect(brief(current({ odd, file: moved, literal: moved }))).toBe('image-path medium');
  // Merged by hard link, and the image removed: the installed file, under a wrong name.
  expect(brief(current({ ...deleted, odd: { ...odd, found: file(1) } }))).toBe('image-path low');
  expect(brief(current({ ...deleted, odd: { ...odd, found: 'absent' } }))).toBe('image-path medium');
});

test('what is built anew in a directory that looks like an image, and installed nowhere, is replaced there', () => {
  const odd = { kind: 'image', by: 'pacman or apk', destination: ascii('/bin/it'), certain: false } as const;
  const again = { ...deleted, stripped: file(3) };
  expect(brief(current({ ...again, odd: { ...odd, found: 'absent' } }))).toBe('replaced-executable high');
  expect(brief(current({ ...again, odd: { ...odd, found: file(2) } }))).toBe('image-path medium');
  expect(brief(current({ ...again, odd: { ...odd, certain: true, found: 'absent' } }))).toBe('image-path medium');
});

test('run-times that start themselves from memory are told from others', () => {
  const memory = { lies: 'memory', literal: 'unknown' } as const;
  expect(brief(current({ ...memory, shown: ascii('/memfd:it (deleted)') }))).toBe('fileless high');
  expect(brief(current({ ...memory, shown: ascii('/memfd:runc_cloned:/proc/self/exe (deleted)') }))).toBe(
    'fileless low',
  );
  expect(brief(current({ ...memory, held: 'library', shown: ascii('/memfd:it (deleted)') }))).toBe('benign high');
});

test('a library that a run-time unpacked for itself is benign, another temporary one is not', () => {
  const library = { ...deleted, held: 'library' } as const;
  expect(brief(current({ ...library, path: ascii('/tmp/jna123.tmp') }))).toBe('benign high');
  expect(brief(current({ ...library, path: ascii('/tmp/it.so') }))).toBe('deleted medium');
});
