/** A device number as makedev(3) makes it. */
export function makedev(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000;
}

/** The major part, see major(3). */
export function major(dev: number): number {
  return (dev >>> 8) & 0xfff;
}

/** The minor part, see minor(3). */
export function minor(dev: number): number {
  return (dev & 0xff) + Math.floor(dev / 0x100000) * 0x100;
}
