import { MountsUnreadableError, readMounts } from '@emplace/fsprobe';
import { show } from '@emplace/syscalls';

/** A mount for a message, by its id: `ext4 on /dev/sda1, mount 35`. Only the id where /proc does not tell. */
export function mountName(id: number): string {
  try {
    const mount = readMounts('self').mounts.find((one) => one.id === id);
    return mount === undefined ? `mount ${id}` : `${show(mount.type)} on ${show(mount.source)}, mount ${id}`;
  } catch (error) {
    if (error instanceof MountsUnreadableError) return `mount ${id}`;
    throw error;
  }
}
