/**
 * The index as a file: 16 bytes that name the format, a checksum, six lengths, then what {@link Tables} hold, as it is in
 * memory (both architectures are little-endian), and the packages as JSON. It is read where it was written and
 * can be made again at any time, so an older format is nothing but another one.
 */

import { crc32 } from 'node:zlib';
import { Numbers } from '../../numbers.ts';
import { showPackage, tryPackageName } from '../package-name.ts';
import { newSeed } from './builder.ts';
import { Directories } from './directories.ts';
import { NamePool } from './name-pool.ts';
import type { Indexed, Tables } from './tables.ts';

const MAGIC = Buffer.from('emplace owners 1');
const LENGTHS_AT = MAGIC.length + 4;
const HEAD_BYTES = LENGTHS_AT + 6 * 4;

/** The parts of the file, in their order. */
export function encode(tables: Tables): Uint8Array[] {
  const { packages, names, directories, starts, entryDirectory, entryPackage } = tables;
  const numbers = [
    entryDirectory,
    entryPackage,
    starts,
    names.ends.array,
    directories.parents.array,
    directories.names.array,
  ];
  const bytes = names.bytes.subarray(0, names.count === 0 ? 0 : names.endOf(names.count - 1));
  const known = Buffer.from(JSON.stringify(packages.map(({ name, stamp }) => [showPackage(name), stamp])));
  const body = [...numbers.map((array) => bytesOf(array)), bytes, known];
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  const lengths = [entryDirectory.length, names.count, directories.count, bytes.length, known.length, packages.length];
  for (const [i, length] of lengths.entries()) head.writeUInt32LE(length, LENGTHS_AT + i * 4);
  const sum = body.reduce((before, part) => crc32(part, before), crc32(head.subarray(LENGTHS_AT)));
  head.writeUInt32LE(sum, MAGIC.length);
  return [head, ...body];
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** @param file a buffer of its own; the tables are views of it. @returns undefined for what is damaged, or another format */
export function decode(file: Buffer): Tables | undefined {
  if (file.length < HEAD_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const [entries = 0, nameCount = 0, directoryCount = 0, byteCount = 0, knownCount = 0, packageCount = 0] = [
    0, 1, 2, 3, 4, 5,
  ].map((i) => file.readUInt32LE(LENGTHS_AT + i * 4));
  const numbers = entries * 2 + nameCount + 1 + nameCount + directoryCount * 2;
  if (file.length !== HEAD_BYTES + numbers * 4 + byteCount + knownCount) return undefined;
  if (crc32(file.subarray(LENGTHS_AT)) !== file.readUInt32LE(MAGIC.length)) return undefined;
  let at = file.byteOffset + HEAD_BYTES;
  const take = (length: number): Uint32Array => {
    const array = new Uint32Array(file.buffer, at, length);
    at += array.byteLength;
    return array;
  };
  const [entryDirectory, entryPackage, starts] = [take(entries), take(entries), take(nameCount + 1)];
  const [ends, parents, directoryNames] = [take(nameCount), take(directoryCount), take(directoryCount)];
  const bytes = new Uint8Array(file.buffer, at, byteCount);
  const packages = packagesOf(file.subarray(file.length - knownCount));
  if (packages?.length !== packageCount) return undefined;
  return {
    packages,
    names: new NamePool(bytes, new Numbers(ends), newSeed()),
    directories: new Directories(new Numbers(parents), new Numbers(directoryNames)),
    starts,
    entryDirectory,
    entryPackage,
  };
}

function packagesOf(json: Buffer): Indexed[] | undefined {
  const listed = JSON.parse(json.toString()) as [string, string][];
  const packages = listed.map(([text, stamp]) => ({ name: tryPackageName(text), stamp }));
  return packages.every((one): one is Indexed => one.name !== undefined) ? packages : undefined;
}
