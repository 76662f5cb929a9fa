import { toBytes } from './bytes.ts';
import { MAP_SHARED, MFD_CLOEXEC, PROT_READ, PROT_WRITE } from './constants.ts';
import { failed } from './errno.ts';
import { MAP_FAILED, native } from './native.ts';
import { first } from './path.ts';

/** A file of no file system, of zero bytes, gone with its last descriptor. `name` shows in /proc only. See memfd_create(2). */
export function memfdCreate(name: string): number {
  const fd = native().memfd_create(first(toBytes(name), 'memfd_create'), MFD_CLOEXEC);
  if (fd === -1) throw failed('memfd_create');
  return fd;
}

/** Memory of a file. Once disposed of it is gone: its buffer is detached, so that views of it are empty and harmless. */
export interface Mapping extends Disposable {
  readonly memory: ArrayBuffer;
}

/** The first `length` bytes of a file as memory that all processes share which map it. The descriptor may be closed. See mmap(2). */
export function mapShared(fd: number, length: number): Mapping {
  const pointer: unknown = native().mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (pointer === MAP_FAILED) throw failed('mmap');
  const memory = native().view(pointer as number, length);
  return {
    memory,
    [Symbol.dispose]: () => {
      if (memory.detached) return;
      memory.transfer(0);
      if (native().munmap(pointer as number, length) === -1) throw failed('munmap');
    },
  };
}
