import { type Bytes, toBytes } from './bytes.ts';
import { SyscallError } from './error.ts';
import { native } from './native.ts';

/** errno names by number, alike on x86-64 and arm64 (include/uapi/asm-generic/errno.h). 41 and 58 are unused. */
const NAMES: readonly string[] = `
  EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD
  EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR
  EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS
  EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP
  E41 ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI
  EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT E58 EBFONT ENOSTR
  ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM
  EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD
  ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE
  EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP
  EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN
  ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT
  ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM
  EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD
  ENOTRECOVERABLE ERFKILL EHWPOISON`
  .trim()
  .split(/\s+/);

export const ENOENT = 2;
export const EINTR = 4;
export const EAGAIN = 11;
export const ERANGE = 34;

/** The name of an errno number, for instance `EXDEV`; `E200` for one that has none. */
export function errnoName(errno: number): string {
  return NAMES[errno - 1] ?? `E${errno}`;
}

/** The error for the call that just returned -1, with the paths it was given. */
export function failed(call: string, ...paths: readonly (Bytes | Uint8Array)[]): SyscallError {
  const code = errnoName(native().errno());
  return new SyscallError(
    code,
    call,
    paths.map((path) => (typeof path === 'string' ? path : toBytes(path))),
  );
}

/**
 * Whether the call that just returned -1 was interrupted by a signal and is to be made again.
 *
 * Asked only after calls that do no harm twice: opening, reading, writing, attributes, syncing, locking. Calls that
 * change names (rename, link, unlink, mkdir, mknod, symlink, and opening with O_CREAT) are not repeated: a FUSE server
 * may have done the work before it was interrupted, and the second call would report ENOENT or EEXIST for what the
 * first one did. `close` is never repeated: Linux has released the descriptor even when it says EINTR (close(2)).
 */
export function interrupted(): boolean {
  return native().errno() === EINTR;
}
