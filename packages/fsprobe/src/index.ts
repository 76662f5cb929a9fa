export { filesystemName } from './filesystem.ts';
export { canRenameDirectories, describeSite, onOneMount, type Place, type Site, siteKey } from './site.ts';
