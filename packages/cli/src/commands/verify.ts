import { type VerifyPackagesOptions, verify } from '@emplace/merge-core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../base-command.ts';
import { databaseFlags, FOUND } from '../database-flags.ts';
import { given, portageOptionsOf, protectionFlags } from '../package-flags.ts';
import { isAsMerged, renderVerified, renderVerifyTotal, verifyJson } from '../render/verify.ts';

export class Verify extends BaseCommand {
  static override summary = 'Compare installed packages with what is in the root now';

  static override description =
    `Tells of each package what is missing and what changed: content, mode, owner, time, extended attributes, type. What
another package manager merged is compared with CONTENTS, which has content and time alone. Nothing is written.

Exit codes: 0 all is as it was merged, ${FOUND} something is not, else as for \`merge\`.`;

  static override examples = [
    '<%= config.bin %> verify --root / --changed-only',
    '<%= config.bin %> verify --root / sys-apps/coreutils openssl --quick --json',
  ];

  static override args = {
    package: Args.string({
      ignoreStdin: true,
      multiple: true,
      default: [],
      description: 'CATEGORY/PF, CATEGORY/PN or PN; default: all packages',
    }),
  };

  static override flags = {
    ...databaseFlags,
    'changed-only': Flags.boolean({ summary: 'leave out packages that are as they were merged' }),
    'ignore-config': Flags.boolean({ summary: 'pass over protected files: to be changed is what they are for' }),
    quick: Flags.boolean({ summary: 'size and time of a file stand for its content, where Emplace recorded both' }),
    threads: Flags.integer({
      min: 1,
      max: 16,
      helpValue: 'NUMBER',
      summary: 'that read; default: one for each processor, for more than a little',
    }),
    ...protectionFlags,
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Verify);
    const isTold = (one: Parameters<typeof isAsMerged>[0]): boolean => !flags['changed-only'] || !isAsMerged(one);
    const options: VerifyPackagesOptions = {
      ...given({ vdb: flags.vdb, threads: flags.threads }),
      ...given({ configProtect: flags['config-protect'], configProtectMask: flags['config-protect-mask'] }),
      ...portageOptionsOf(flags),
      root: flags.root,
      packages: args.package,
      quick: flags.quick,
      ignoreConfig: flags['ignore-config'],
      onPackage: (one) => {
        if (isTold(one)) this.log(renderVerified(one));
      },
    };
    const report = await verify(options);
    for (const { message } of report.problems) this.logToStderr(`warning: ${message}`);
    this.log(renderVerifyTotal(report));
    if (!report.isWhole) process.exitCode ??= FOUND;
    return verifyJson({ ...report, packages: report.packages.filter(isTold) });
  }
}
