import type { ScanReport, StaleClass } from '@emplace/fsprobe';
import { type Grade, worstGrade } from './classes.ts';
import { type Group, groupsBy, packagesOf, rowsOf } from './groups.ts';
import type { Keys } from './keys.ts';

/** One package or service in the picture, or all those for which there is no room. */
interface Node {
  /** What it stands for. */
  readonly keys: readonly string[];
  readonly name: string;
  readonly processes: number;
  readonly grade: Grade;
}

export interface PlacedNode extends Node {
  readonly top: number;
  readonly height: number;
}

/** Files of a package keep so many processes of a service stale. */
interface Link {
  readonly from: Node;
  readonly to: Node;
  readonly pids: Set<number>;
  readonly classes: Set<StaleClass>;
}

export interface Flow {
  readonly from: Node;
  readonly to: Node;
  readonly processes: number;
  readonly grade: Grade;
  readonly width: number;
  /** Where its middle leaves and arrives. */
  readonly fromY: number;
  readonly toY: number;
}

export interface Flows {
  readonly packages: readonly PlacedNode[];
  readonly services: readonly PlacedNode[];
  readonly flows: readonly Flow[];
  readonly height: number;
}

/** What is beyond that on one side is drawn as one. */
const NODES_MAX = 18;
const GAP = 12;
const NODE_HEIGHT_LEAST = 18;
const FLOW_WIDTH_MOST = 22;
const FLOW_WIDTH_LEAST = 2;
/** So many processes are wide enough: a single one is no broad band. */
const PROCESSES_FULL = 5;

/** Which packages keep which services stale: two columns of nodes, flows between them. */
export function flowsOf(report: ScanReport, keys: Keys): Flows {
  const packages = nodesOf(groupsBy('package', report), 'packages', ({ name }) => keys.package(name));
  const services = nodesOf(groupsBy('service', report), 'services', ({ rows: [row] }) =>
    row === undefined ? '' : keys.service(row.process),
  );
  const links = linksBetween(packages, services, report, keys);
  const full = Math.max(PROCESSES_FULL, ...links.map(({ pids }) => pids.size));
  const widthOf = ({ pids }: Link): number => Math.max(FLOW_WIDTH_LEAST, (FLOW_WIDTH_MOST * pids.size) / full);
  const heightOf = (node: Node): number => {
    const widths = links.filter(({ from, to }) => from === node || to === node).map(widthOf);
    return Math.max(NODE_HEIGHT_LEAST, sum(widths));
  };

  // Beside the packages that keep it stale: fewer flows cross.
  const beside = services.toSorted((a, b) => middle(a, links, packages) - middle(b, links, packages));
  const height = Math.max(...[packages, beside].map((side) => sum(side.map(heightOf)) + GAP * (side.length - 1)), 0);
  const [left, right] = [packages, beside].map((side) => place(side, heightOf, height)) as [Places, Places];
  const [leave, arrive] = [left, right].map((places) => portsOf(places, links, widthOf)) as [Ports, Ports];
  const inOrder = links.toSorted(
    (a, b) => packages.indexOf(a.from) - packages.indexOf(b.from) || beside.indexOf(a.to) - beside.indexOf(b.to),
  );
  const flows = inOrder.map((link) => ({
    ...{ from: link.from, to: link.to, processes: link.pids.size, grade: worstGrade(link.classes) },
    ...{ width: widthOf(link), fromY: leave(link.from, widthOf(link)), toY: arrive(link.to, widthOf(link)) },
  }));
  return { packages: [...left.values()], services: [...right.values()], flows, height };
}

function nodesOf(groups: readonly Group[], what: string, keyOf: (group: Group) => string): Node[] {
  const nodes = groups.map((group) => nodeOf(group.name, [group], keyOf));
  if (nodes.length <= NODES_MAX) return nodes;
  const rest = groups.slice(NODES_MAX - 1);
  return [...nodes.slice(0, NODES_MAX - 1), nodeOf(`${rest.length} more ${what}`, rest, keyOf)];
}

function nodeOf(name: string, groups: readonly Group[], keyOf: (group: Group) => string): Node {
  const processes = new Set(groups.flatMap((group) => group.processes));
  const classes = groups.flatMap((group) => group.classes.map(([one]) => one));
  return { keys: groups.map(keyOf), name, processes: processes.size, grade: worstGrade(classes) };
}

function linksBetween(
  packages: readonly Node[],
  services: readonly Node[],
  report: ScanReport,
  keys: Keys,
): readonly Link[] {
  const nodes = new Map([...packages, ...services].flatMap((node) => node.keys.map((key) => [key, node] as const)));
  const links = new Map<string, Link>();
  for (const { process, finding } of rowsOf(report)) {
    const to = nodes.get(keys.service(process));
    for (const from of packagesOf(finding).map((name) => nodes.get(keys.package(name)))) {
      if (from === undefined || to === undefined) continue;
      const key = `${from.keys[0]} ${to.keys[0]}`;
      const link = links.get(key) ?? { from, to, pids: new Set(), classes: new Set() };
      link.pids.add(process.pid);
      link.classes.add(finding.class);
      links.set(key, link);
    }
  }
  return [...links.values()];
}

/** How far down, on average, the packages are that a service is kept stale by. */
function middle(service: Node, links: readonly Link[], packages: readonly Node[]): number {
  const places = links.filter(({ to }) => to === service).map(({ from }) => packages.indexOf(from));
  return sum(places) / Math.max(1, places.length);
}

type Places = ReadonlyMap<Node, PlacedNode>;

/** Below each other, in the middle of the height. */
function place(nodes: readonly Node[], heightOf: (node: Node) => number, height: number): Places {
  let top = (height - sum(nodes.map(heightOf)) - GAP * (nodes.length - 1)) / 2;
  return new Map(
    nodes.map((node) => {
      const placed = { ...node, top, height: heightOf(node) };
      top += placed.height + GAP;
      return [node, placed];
    }),
  );
}

/** Takes the next `width` of a node's edge. @returns the middle of it */
type Ports = (node: Node, width: number) => number;

function portsOf(places: Places, links: readonly Link[], widthOf: (link: Link) => number): Ports {
  const next = new Map<Node, number>();
  for (const [node, { top, height }] of places) {
    const used = sum(links.filter(({ from, to }) => from === node || to === node).map(widthOf));
    next.set(node, top + (height - used) / 2);
  }
  return (node, width) => {
    const start = next.get(node) ?? 0;
    next.set(node, start + width);
    return start + width / 2;
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
