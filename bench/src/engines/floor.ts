import type { Engine } from '../case.ts';

/** The C program that makes the fewest system calls (floor.c). */
export function floor(program: string, ...options: readonly string[]): Engine {
  const command = ({ image, root }: { image: string; root: string }): readonly string[] => [
    program,
    ...options.map((option) => `--${option}`),
    image,
    root,
  ];
  return { name: ['C loop', ...options].join(' '), command, calls: (trees) => [command(trees)] };
}
