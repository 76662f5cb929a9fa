import { close, memfdCreate, socketPair } from '@emplace/syscalls';
import { newPage, type Page } from './page.ts';
import type { Inherited } from './start-mover.ts';

/** What the movers of one lock share, one after the other: none of it lies on a file system. */
export interface Equipment extends Disposable {
  readonly page: Page;
  readonly inherited: Inherited;
}

/** @throws SyscallError EMFILE, ENFILE, ENOMEM */
export function equip(): Equipment {
  using owned = new DisposableStack();
  const { page, fd } = newPage();
  owned.use(page);
  owned.adopt(fd, close);
  const flight = socketPair();
  for (const end of flight) owned.adopt(end, close);
  const changed = owned.adopt(memfdCreate('emplace-changed'), close);
  const kept = owned.move();
  return { page, inherited: { page: fd, flight, changed }, [Symbol.dispose]: () => kept.dispose() };
}
