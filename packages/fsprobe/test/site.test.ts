import { statfsSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { canRenameDirectories, describeSite, filesystemName, onOneMount, type Site, siteKey } from '../src/index.ts';

const EXT4 = 0xef53;
const OVERLAY = 0x794c7630;

const site = (source: Partial<Site['source']>, target: Partial<Site['target']>): Site => ({
  source: { dev: 1, mountId: 1, magic: EXT4, ...source },
  target: { dev: 1, mountId: 1, magic: EXT4, ...target },
});

describe('a site', () => {
  test('is one mount only when device and mount id agree', () => {
    expect(onOneMount(site({}, {}))).toBe(true);
    // A bind mount of one file system gives EXDEV, and so does a btrfs subvolume.
    expect(onOneMount(site({}, { mountId: 2 }))).toBe(false);
    expect(onOneMount(site({}, { dev: 2 }))).toBe(false);
  });

  test('of overlay renames files, but no directories: those of a lower layer give EXDEV', () => {
    expect(canRenameDirectories(site({}, {}))).toBe(true);
    expect(canRenameDirectories(site({ magic: OVERLAY }, { magic: OVERLAY }))).toBe(false);
  });

  test('is told apart from another by its key, and described for people', () => {
    expect(siteKey(site({}, {}))).not.toBe(siteKey(site({}, { mountId: 2 })));
    expect(describeSite(site({}, { magic: OVERLAY, mountId: 9 }))).toBe('ext4, mount 1 → overlay, mount 9');
  });
});

test('file systems are known by the number that statfs gives', () => {
  expect(filesystemName(statfsSync('/proc').type)).toBe('0x9fa0');
  expect(filesystemName(statfsSync('/dev/shm').type)).toBe('tmpfs');
  expect(filesystemName(EXT4)).toBe('ext4');
});
