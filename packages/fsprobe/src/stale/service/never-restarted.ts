import { stemOf } from './unit-name.ts';

/** Whose units: the system's or those of one user. */
export type Manager = 'system' | 'user';

const BUSES: readonly string[] = ['dbus', 'dbus-broker', 'messagebus'];
const LOGINS: readonly string[] = ['systemd-logind', 'elogind', 'seatd', 'user', 'systemd-user-sessions'];
/** Those that come without a link `display-manager.service`, and OpenRC's. */
const DISPLAY_MANAGERS: readonly string[] = [
  'cosmic-greeter',
  'display-manager',
  'display-manager-setup',
  'emptty',
  'entrance',
  'gdm',
  'gdm3',
  'greetd',
  'kdm',
  'lemurs',
  'lightdm',
  'lxdm',
  'ly',
  'nodm',
  'plasmalogin',
  'sddm',
  'slim',
  'tdm',
  'wdm',
  'xdm',
];
/** Shipped with RefuseManualStop=, for when their unit files cannot be read. */
const REFUSING: readonly string[] = ['auditd'];
/** Of a user's desktop: it ends with them. */
const DESKTOPS =
  /^(?:gnome-session|gnome-shell|org\.gnome\.Shell|plasma-kwin|plasma-ksmserver|kwin|wayland-(?:wm|session)|wayland-wm-env|niri|hyprland|sway|labwc|cosmic-session|mutter)(?:[-_.].*)?$/i;

/**
 * Why a unit or service must not be restarted while the machine is in use; undefined for one that may be.
 * @param displayManager the unit that this machine starts as such
 */
export function whyNever(unit: string, manager: Manager, displayManager?: string): string | undefined {
  const stem = stemOf(unit);
  if (BUSES.includes(stem)) return `other services lose their bus with ${unit}`;
  if (LOGINS.includes(stem)) return `sessions depend on ${unit}`;
  if (DISPLAY_MANAGERS.includes(stem) || unit === displayManager) return `desktop sessions end with ${unit}`;
  if (REFUSING.includes(stem)) return `${unit} refuses to be stopped`;
  if (manager === 'user' && DESKTOPS.test(stem)) return `the session ends with ${unit}`;
  return undefined;
}
