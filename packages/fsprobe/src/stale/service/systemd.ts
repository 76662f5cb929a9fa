import type { Bytes } from '@emplace/syscalls';
import type { Service } from '../model.ts';
import type { Host } from './host.ts';
import { initService } from './init.ts';
import { alone, lingers } from './lingering.ts';
import { type Manager, whyNever } from './never-restarted.ts';
import { shellWord, type UnitPlace, unescapeUnit, unitAt } from './unit-name.ts';

/** A service that was started for one connection (systemd.socket(5), Accept=): `sshd@5-10.0.0.1:22-10.0.0.2:4711.service`. */
const CONNECTION = /@\d+-(?:\d+-)?(?:[0-9a-f.:]+:\d+-[0-9a-f.:]+:\d+|\d+-\d+)\.service$/;
/** Desktops start programs in scopes `app[-LAUNCHER]-ID-RANDOM.scope` (systemd.io/DESKTOP_ENVIRONMENTS). */
const APPLICATION = /^app-(?:[A-Za-z0-9]+-)?(.+?)-[0-9a-f]+\.scope$/;

/** Whose unit a process is in; undefined when it is in none. */
export function systemdService(parts: readonly string[], command: Bytes, host: Host): Service | undefined {
  const place = unitAt(parts);
  if (place === undefined) return undefined;
  const uid = /^user@(\d+)\.service$/.exec(place.unit)?.[1];
  if (uid !== undefined) return userService(uid, place.rest, command, host);
  const session = /^session-([A-Za-z0-9]+)\.scope$/.exec(place.unit)?.[1];
  if (session !== undefined) return sessionService(session, userOf(place), host.isClosing(session));
  if (place.unit === 'init.scope') return initService('systemd');
  return unitService(place.unit, undefined, command, host);
}

/**
 * A session ends when its user logs out; the service that let him in has nothing to do with what he started.
 * @param isClosing he has, and something was left running
 */
export function sessionService(session: string, uid: string | undefined, isClosing = false): Service {
  const [of, user] = uid === undefined ? ['', ''] : [` (user ${uid})`, ` of user ${uid}`];
  const advice = isClosing ? `loginctl terminate-session ${session}` : `log out session ${session}${user}`;
  return { kind: 'session', name: `session ${session}${of}`, advice, restartable: false };
}

/** What runs under the service manager of a user. */
function userService(uid: string, rest: readonly string[], command: Bytes, host: Host): Service {
  const unit = unitAt(rest)?.unit;
  if (unit !== undefined && unit !== 'init.scope') return unitService(unit, uid, command, host);
  const name = `systemd (user ${uid})`;
  // It keeps the user's PAM session open and is never executed anew.
  if (command.startsWith('(sd-pam'))
    return { kind: 'user-unit', name, advice: `log out user ${uid}`, restartable: false };
  const advice = `as user ${uid}: systemctl --user daemon-reexec`;
  return { kind: 'user-unit', name, advice, restartable: true };
}

/** @param uid of the user whose manager it is; undefined for the system's */
function unitService(unit: string, uid: string | undefined, command: Bytes, host: Host): Service {
  const manager: Manager = uid === undefined ? 'system' : 'user';
  const kind = `${manager}-unit` as const;
  const of = uid === undefined ? '' : ` (user ${uid})`;
  const named = (advice: string, restartable: boolean): Service => ({
    kind,
    name: `${unit}${of}`,
    advice,
    restartable,
  });
  if (unit.endsWith('.scope')) {
    const application = uid === undefined ? undefined : APPLICATION.exec(unit)?.[1];
    return named(`end and start again what runs in ${unescapeUnit(application ?? unit)}${of}`, false);
  }
  if (CONNECTION.test(unit)) return named(`close the connection: nothing else ends ${unit}`, false);
  const file = host.unitFile(unit, manager);
  const never =
    file?.refusesStop === true ? `${unit} refuses to be stopped` : whyNever(unit, manager, host.displayManager);
  if (never !== undefined) return named(`${uid === undefined ? 'reboot' : `log out user ${uid}`} (${never})`, false);
  if (/\.(?:mount|automount|swap)$/.test(unit))
    return named(`systemctl restart ${shellWord(unit)}, once nobody uses it`, false);
  if (lingers(command, unit, file)) return alone(command, `it outlives a restart of ${unit}`);
  const restart = `restart ${shellWord(unit)}`;
  return named(uid === undefined ? `systemctl ${restart}` : `as user ${uid}: systemctl --user ${restart}`, true);
}

function userOf({ slices }: UnitPlace): string | undefined {
  return slices.map((slice) => /^user-(\d+)\.slice$/.exec(slice)?.[1]).find((uid) => uid !== undefined);
}
