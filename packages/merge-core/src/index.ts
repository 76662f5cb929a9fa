export type { DirHandle, EntryType, FileHandle, FsPort, Named, Space, Stat, Timestamp, Xattrs } from './fs/port.ts';
