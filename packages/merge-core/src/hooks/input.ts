import { Socket } from 'node:net';

export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** The end of a pipe that a program reads from. */
export interface Writing {
  /** Gives up what is not written yet. */
  stop(): void;
}

/**
 * Writes `chunks` to a pipe as fast as it is read, then closes it. It owns `fd`. A program that does not read all of
 * it (EPIPE) has a right to.
 * @param onFailure gets what the source of the chunks throws
 */
export function writeAll(fd: number, chunks: Chunks, onFailure: (error: unknown) => void): Writing {
  const socket = new Socket({ fd, readable: false, writable: true });
  // What follows upon it is 'close'.
  socket.on('error', () => {});
  feed(socket, chunks).catch(onFailure);
  return { stop: () => void socket.destroy() };
}

/** Not pipeline: that throws the pipe's EPIPE into the source, whose own errors could not be told from it. */
async function feed(socket: Socket, chunks: Chunks): Promise<void> {
  let wake = (): void => {};
  socket.on('drain', () => wake());
  socket.on('close', () => wake());
  for await (const chunk of chunks) {
    if (!socket.writable) return;
    const drained = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (!socket.write(chunk)) await drained;
  }
  socket.end();
}
