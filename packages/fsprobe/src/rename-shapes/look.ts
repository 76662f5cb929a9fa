import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  ascii,
  type Bytes,
  close,
  faccessat,
  getdents64,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  open,
  read,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  STATX_TYPE,
  statx,
  X_OK,
} from '@emplace/syscalls';

/** Does what who runs a program or reads a directory will do: whatever of that never returns hangs here. @throws SyscallError */
export function look(path: Bytes): void {
  const type = using(path, O_PATH, (fd) => statx(fd, ascii(''), AT_EMPTY_PATH, STATX_TYPE).mode & S_IFMT);
  // Opening a device or a FIFO is not without effect.
  if (type !== S_IFREG && type !== S_IFDIR) return;
  using(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, (fd) =>
    type === S_IFDIR ? getdents64(fd, () => {}) : read(fd, Buffer.alloc(1)),
  );
  faccessat(AT_FDCWD, path, X_OK, 0);
}

function using<T>(path: Bytes, flags: number, act: (fd: number) => T): T {
  const fd = open(path, flags | O_CLOEXEC);
  try {
    return act(fd);
  } finally {
    close(fd);
  }
}
