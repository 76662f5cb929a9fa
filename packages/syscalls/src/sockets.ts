import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_RIGHTS,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  SOL_SOCKET,
} from './constants.ts';
import { EAGAIN, failed, interrupted } from './errno.ts';
import { native } from './native.ts';

const ends = new Int32Array(2);
const endsBytes = Buffer.from(ends.buffer);

/** Two connected sockets, close-on-exec: what is sent into one is received from the other, message by message. See socketpair(2). */
export function socketPair(): [number, number] {
  if (native().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, endsBytes) === -1) throw failed('socketpair');
  return [ends[0] as number, ends[1] as number];
}

/**
 * Sends a descriptor's open file. Until it is received, or the socket at the other end is closed everywhere, the message
 * holds that file open, and with it its flock(2), whoever else closes it. See unix(7), SCM_RIGHTS.
 * @throws SyscallError EAGAIN when too many messages wait, ETOOMANYREFS
 */
export function sendDescriptor(socket: number, fd: number): void {
  const header = message();
  view.setBigUint64(CONTROL, CONTROL_LENGTH, true);
  view.setInt32(CONTROL + 8, SOL_SOCKET, true);
  view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
  view.setInt32(CONTROL + 16, fd, true);
  // Also of what interrupts it: nothing was sent then.
  while (native().sendmsg(socket, header, MSG_DONTWAIT | MSG_NOSIGNAL) === -1)
    if (!interrupted()) throw failed('sendmsg');
}

/** The first descriptor that waits there, close-on-exec; undefined when none does. */
export function receiveDescriptor(socket: number): number | undefined {
  const header = message();
  while (native().recvmsg(socket, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) === -1) {
    if (native().errno() === EAGAIN) return undefined;
    if (!interrupted()) throw failed('recvmsg');
  }
  // Shorter: the other end is closed, or there was no number free for it.
  if (view.getBigUint64(HEADER + 40, true) < CONTROL_LENGTH) return undefined;
  return view.getInt32(CONTROL + 16, true);
}

/** A message of one byte and one descriptor: struct msghdr, the struct iovec and the struct cmsghdr that it leads to, the byte. */
const memory = new ArrayBuffer(112);
const bytes = Buffer.from(memory);
const view = new DataView(memory);
const [HEADER, VECTOR, CONTROL, DATA] = [0, 56, 72, 104];
/** CMSG_LEN and CMSG_SPACE of one int. */
const CONTROL_LENGTH = 20n;
const CONTROL_SPACE = 24n;

/** All of it anew: recvmsg writes into it. @returns the header, good until the next message */
function message(): Buffer {
  const address = native().address(bytes);
  bytes.fill(0);
  view.setBigUint64(HEADER + 16, address + BigInt(VECTOR), true);
  view.setBigUint64(HEADER + 24, 1n, true);
  view.setBigUint64(HEADER + 32, address + BigInt(CONTROL), true);
  view.setBigUint64(HEADER + 40, CONTROL_SPACE, true);
  view.setBigUint64(VECTOR, address + BigInt(DATA), true);
  view.setBigUint64(VECTOR + 8, 1n, true);
  return bytes;
}
