/**
 * Which script an interpreter runs, by its arguments. The interpreter is never asked: whoever owns the process chose
 * them, and its search paths (CVE-2024-48990 to 48992, of needrestart).
 */
import type { Bytes } from '@emplace/syscalls';

interface Interpreter {
  readonly program: RegExp;
  /** Options that say that there is no script: code, a module. Several may be in one, the last with its value: `-MFile::Temp`. */
  readonly without: RegExp;
  /** Options whose value is the next argument. */
  readonly valued: RegExp;
  /** Descriptors that it keeps its script open as. */
  readonly descriptors: readonly number[];
  /** What it adds to a name that is not there. */
  readonly suffixes: readonly string[];
}

const SHELL = { without: /^-[a-zA-Z]*c/, valued: /^(?:[-+][a-zA-Z]*[oO]|--rcfile|--init-file)$/, suffixes: [''] };

const INTERPRETERS: readonly Interpreter[] = [
  {
    program: /^(?:python|pypy)[\d.]*[a-z]*$/,
    without: /^-[^-WXQ]*[cm]/,
    valued: /^(?:-[^-WXQ]*[WXQ]|--check-hash-based-pycs)$/,
    descriptors: [],
    suffixes: [''],
  },
  { program: /^perl[\d.]*$/, without: /^-[^-IMmixCDF]*[eE]/, valued: /^-I$/, descriptors: [], suffixes: [''] },
  {
    program: /^(?:ruby|jruby)[\d.]*$/,
    without: /^-[^-IrCExTWKFi]*e/,
    valued: /^-[IrCE]$/,
    descriptors: [],
    suffixes: [''],
  },
  {
    program: /^node(?:js)?[\d.]*$/,
    without: /^(?:-e|-p|-pe|--eval|--print|--eval=.*|--print=.*|--test)$/,
    valued: /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions)$/,
    descriptors: [],
    suffixes: ['', '.js', '.cjs', '/index.js'],
  },
  { program: /^(?:php)[\d.]*$/, without: /^-[rRBSf]/, valued: /^-[cdz]$/, descriptors: [], suffixes: [''] },
  { ...SHELL, program: /^(?:bash|rbash)[\d.]*$/, descriptors: [255] },
  { ...SHELL, program: /^(?:dash|sh|ash|busybox|[mlo]?ksh(?:93)?)$/, descriptors: [10] },
  { ...SHELL, program: /^zsh[\d.]*$/, descriptors: [10, 11, 12] },
];

/** Shells that busybox can be. */
const APPLET = /^(?:.*\/)?(?:sh|ash|hush|bash)$/s;

export interface Script {
  /** As it was given: relative to a working directory that may be another by now. */
  readonly argument: Bytes;
  /** Names that it may be found by, in this order. */
  readonly names: readonly Bytes[];
  readonly descriptors: readonly number[];
}

/** @param program the last part of the path of exe, without ` (deleted)` */
export function isInterpreter(program: string): boolean {
  return INTERPRETERS.some((one) => one.program.test(program));
}

/** @param args the process's arguments, its own name first */
export function scriptOf(program: string, args: readonly Bytes[]): Script | undefined {
  const interpreter = INTERPRETERS.find((one) => one.program.test(program));
  if (interpreter === undefined) return undefined;
  // An applet of busybox has its own name; `busybox sh script` has one more.
  const first = program === 'busybox' && /(?:^|\/)busybox$/.test(args[0] ?? '') ? 1 : 0;
  // All others of its applets are no interpreters: `tail -f LOG` runs no script.
  if (program === 'busybox' && !APPLET.test(args[first] ?? '')) return undefined;
  for (let at = first + 1; at < args.length; at++) {
    const argument = args[at] ?? ('' as Bytes);
    if (argument === '--') return scriptAt(interpreter, args[at + 1]);
    if (interpreter.without.test(argument)) return undefined;
    if (interpreter.valued.test(argument)) at++;
    else if (!/^[-+]./.test(argument)) return scriptAt(interpreter, argument);
  }
  return undefined;
}

function scriptAt({ suffixes, descriptors }: Interpreter, argument: Bytes | undefined): Script | undefined {
  // Standard input; and what is another file for whoever looks.
  if (argument === undefined || /^-?$|^\/(?:proc|dev)\//.test(argument)) return undefined;
  return { argument, names: suffixes.map((suffix) => `${argument}${suffix}` as Bytes), descriptors };
}
