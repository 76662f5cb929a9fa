export { ascii, type Bytes, show, toBuffer, toBytes } from './bytes.ts';
export { isErrno, SyscallError } from './error.ts';
