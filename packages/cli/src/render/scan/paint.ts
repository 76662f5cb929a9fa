import { styleText } from 'node:util';
import type { Paint } from './text.ts';

const styles: Readonly<Record<Parameters<Paint>[0], Parameters<typeof styleText>[0]>> = {
  head: 'bold',
  alarm: 'red',
  stale: 'none',
  note: 'dim',
};

/** Colours where standard output is a terminal that has them, and `NO_COLOR` is not set. */
export const paint: Paint = (style, text) => styleText(styles[style], text, { stream: process.stdout });
