import { boundariesUnder, MountsUnreadableError } from '@emplace/fsprobe';
import { MergeError } from '@emplace/merge-core';
import { isErrno, show, toBytes, UnsupportedPlatformError } from '@emplace/syscalls';
import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command.ts';
import { mountsJson, renderMounts } from '../render/mounts.ts';

export class Mounts extends BaseCommand {
  static override summary = 'Show the mounts and subvolumes at and below a directory: what a merge into it would cross';

  static override description =
    'What the kernel lists, compared with where its paths lead now. On btrfs every directory is read.';

  static override examples = ['<%= config.bin %> mounts', '<%= config.bin %> mounts /mnt/target --json'];

  static override args = { path: Args.string({ ignoreStdin: true, default: '/', description: 'a directory' }) };

  async run(): Promise<object> {
    const { args } = await this.parse(Mounts);
    const found = lookAt(args.path);
    this.log(renderMounts(found));
    return mountsJson(found);
  }
}

/** @throws MergeError DIRECTORY_UNUSABLE, MOUNTS_UNREADABLE, UNSUPPORTED_PLATFORM */
function lookAt(path: string): ReturnType<typeof boundariesUnder> {
  try {
    return boundariesUnder(path);
  } catch (cause) {
    if (cause instanceof MountsUnreadableError) throw new MergeError('MOUNTS_UNREADABLE', cause.message, { cause });
    if (cause instanceof UnsupportedPlatformError) {
      throw new MergeError('UNSUPPORTED_PLATFORM', cause.message, { cause });
    }
    if (!isErrno(cause)) throw cause;
    const message = `\`${show(toBytes(path))}\` cannot be opened as a directory (${cause.code})`;
    throw new MergeError('DIRECTORY_UNUSABLE', message, { cause });
  }
}
