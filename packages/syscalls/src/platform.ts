/** This machine cannot make the calls: not Linux on x64 or arm64, or koffi came without its binary. */
export class UnsupportedPlatformError extends Error {
  override readonly name = 'UnsupportedPlatformError';
  readonly code = 'UNSUPPORTED_PLATFORM';
  /** `process.platform-process.arch`, for instance `darwin-arm64`. */
  readonly platform: string;

  constructor(platform: string, options?: ErrorOptions) {
    super(`no system calls on ${platform}: Linux on x64 or arm64 is needed, and koffi has no binary here`, options);
    this.platform = platform;
  }
}

/** Where the numbers in constants.ts hold. */
export const PLATFORMS: readonly string[] = ['linux-x64', 'linux-arm64'];
