/** Things that are mapped or run and that are no files of a disk, or are meant to have no name. */
import type { Bytes } from '@emplace/syscalls';

/** Names that the kernel and drivers give to memory (memfd_create(2), shm, aio, hugetlbfs, drivers/gpu/drm). */
const INTERNAL =
  /^\/?(?:memfd:|SYSV[0-9a-f]{8}(?:$| )|dev\/zero \(deleted\)$|\[aio\]|anon_hugepage|drm mm object|i915|dmabuf:|secretmem|anon_inode:|\[[a-z_]+\])/;

/** Whether this is how the kernel calls what has no path. A file can be named so: that it is of no mounted device has to be known. */
export function isInternalName(shown: Bytes): boolean {
  return INTERNAL.test(shown);
}

/** Run-times that copy themselves to memory and start from there, so that nobody can replace them (CVE-2019-5736). */
export function startsItselfFromMemory(shown: Bytes): boolean {
  return /^\/?memfd:(?:runc_cloned:|crun|lxc|libcrun)/.test(shown);
}

/** Libraries that run-times write, load and remove: libffi's closures, JNA, JNI and others unpacked from an archive, Nvidia's. */
const UNPACKED =
  /^(?:\/var\/tmp|\/tmp|\/dev\/shm|\/run\/user\/\d+)\/(?:.*\/)?(?:ffi[A-Za-z0-9]{6}|jna\d*\.tmp|jna-?\d+.*|jffi\d+.*|snappy-.*\.so|libnetty.*\.so|.*jansi.*\.so|\.gl[A-Za-z0-9]{6}|\.glvnd.*)$/s;

export function isUnpackedLibrary(path: Bytes): boolean {
  return UNPACKED.test(path);
}

/** Where files are made to be removed again. */
export function isTemporary(path: Bytes): boolean {
  return /^(?:\/var\/tmp|\/tmp|\/dev\/shm|\/run\/user\/\d+)\//.test(path);
}
