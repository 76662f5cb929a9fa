import { expect, test } from '@jest/globals';
import { mergeSync, owners } from '../../src/index.ts';
import { first, packageOptions, packageWorld } from './package-world.ts';

function installed() {
  const fs = packageWorld({ one: first });
  mergeSync(packageOptions(fs, 'one', '1'));
  return fs;
}

test('an absolute path is one as seen from the root, and is cleaned as it is written', () => {
  const fs = installed();
  const paths = ['/usr/bin/app', '//usr/./lib/../bin//app/', '/../usr/bin/app', '/usr/bin', '/usr/nothing', '/'];
  const report = owners({ fs, root: '/root', paths });
  expect(report.paths.map(({ path, owners: names }) => [path, ...names])).toEqual([
    ['usr/bin/app', 'app-misc/app-1'],
    ['usr/bin/app', 'app-misc/app-1'],
    ['usr/bin/app', 'app-misc/app-1'],
    ['usr/bin', 'app-misc/app-1'],
    ['usr/nothing'],
    [''],
  ]);
  expect(report.problems).toEqual([]);
  expect(fs.openHandles()).toBe(0);
});

test('a relative path starts at the current directory, which has to lie in the root', () => {
  const ask = (path: string) => () => owners({ fs: installed(), root: '/root', paths: [path] });
  expect(ask('usr/bin/app')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  expect(ask('')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  expect(ask('/a\0b')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
});

test('a database that is not there is a mistake of the caller, not one without packages', () => {
  const fs = installed();
  for (const vdb of ['/root/var/db/pgk', '/elsewhere/var/db/pkg'])
    expect(() => owners({ fs, root: '/root', vdb, paths: ['/usr/bin/app'] })).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    );
  const { paths } = owners({ fs, root: '/root', vdb: '/root//var/db/./pkg/', paths: ['/usr/bin/app'] });
  expect(paths[0]?.owners).toEqual(['app-misc/app-1']);
});
