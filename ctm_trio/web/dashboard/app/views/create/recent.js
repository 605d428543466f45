/** Work directories that were used lately, and a name for a session in one. */
import { remembered } from '../../store/prefs.js';

const SHOWN = 6;
const KEPT = 12;
/** What the daemon takes as a new name. */
const NOT_IN_NAMES = /[^a-zA-Z0-9._-]+/g;
const NAME_LENGTH = 60;

/** Directories chosen here, newest first. */
const chosen = remembered('create.dirs', /** @type {string[]} */ ([]));

/** @param {string} dir */
export function rememberDir(dir) {
  chosen.value = [dir, ...chosen.value.filter((one) => one !== dir)].slice(0, KEPT);
}

/** @param {Map<string, import('../../client/types.js').SessionView>} sessions @returns {string[]} newest first */
export function recentDirs(sessions) {
  const when = (/** @type {import('../../client/types.js').SessionView} */ one) => one.last_tool_call_at ?? one.last_attached_at ?? one.created_at;
  const used = [...sessions.values()].sort((a, b) => (when(a) < when(b) ? 1 : -1)).map((one) => one.workdir);
  return [...new Set([...chosen.value.slice(0, 2), ...used, ...chosen.value])].filter(Boolean).slice(0, SHOWN);
}

/** The directory's own name, made fit, with a number if a session has it. @param {string} workdir @param {Map<string, unknown>} taken */
export function nameFor(workdir, taken) {
  const last = workdir.replace(/\/+$/, '').split('/').pop() ?? '';
  const base = last.replace(NOT_IN_NAMES, '-').replace(/^[._-]+/, '').slice(0, NAME_LENGTH) || 'session';
  let name = base;
  for (let n = 2; taken.has(name); n += 1) name = `${base}-${n}`;
  return name;
}
