import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { bindNative, type Koffi } from '../src/native.ts';
import { UnsupportedPlatformError } from '../src/platform.ts';

const noBinary = (): Koffi => {
  throw new Error('Cannot find the native Koffi module');
};
const unreachable = (): Koffi => {
  throw new Error('koffi must not be loaded here');
};

function refusal(platform: string, load: () => Koffi): UnsupportedPlatformError {
  try {
    bindNative(platform, load);
  } catch (error) {
    if (error instanceof UnsupportedPlatformError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('a platform with other numbers is refused by name before koffi is asked for', () => {
  for (const platform of ['darwin-arm64', 'win32-x64', 'linux-riscv64', 'linux-ia32']) {
    const error = refusal(platform, unreachable);
    expect(error).toMatchObject({ code: 'UNSUPPORTED_PLATFORM', platform });
    expect(error.message).toContain(platform);
  }
});

test('a koffi without its binary is the same error, with the reason as its cause', () => {
  const error = refusal('linux-x64', noBinary);
  expect(error.code).toBe('UNSUPPORTED_PLATFORM');
  expect(error.message).toMatch(/linux-x64.*koffi has no binary/);
  expect((error.cause as Error).message).toBe('Cannot find the native Koffi module');
});

test('importing the package loads neither koffi nor any other native code; the first call does', () => {
  const script = `
    const loaded = () => process.report.getReport().sharedObjects.filter((path) => path.includes('koffi')).length;
    const sys = await import('@emplace/syscalls');
    const before = loaded();
    sys.geteuid();
    console.log(before, loaded());`;
  const args = ['--conditions=@emplace/source', '--input-type=module', '-e', script];
  const cwd = new URL('../', import.meta.url).pathname;
  expect(execFileSync(process.execPath, args, { cwd, encoding: 'utf8' })).toBe('0 1\n');
});
