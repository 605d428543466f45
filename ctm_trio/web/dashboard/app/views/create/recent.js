/** Work directories that were used lately. */
import { remembered } from '../../store/prefs.js';
import { compareTimes } from '../../times.js';

const SHOWN = 6;
const KEPT = 12;

/** Directories chosen here, newest first. */
const chosen = remembered('create.dirs', /** @type {string[]} */ ([]));

/** @param {string} dir */
export function rememberDir(dir) {
  chosen.value = [dir, ...chosen.value.filter((one) => one !== dir)].slice(0, KEPT);
}

/** @param {Map<string, import('../../client/types.js').SessionView>} sessions @returns {string[]} newest first */
export function recentDirs(sessions) {
  const when = (/** @type {import('../../client/types.js').SessionView} */ one) => one.last_tool_call_at ?? one.last_attached_at ?? one.created_at;
  const used = [...sessions.values()].sort((a, b) => compareTimes(when(b), when(a))).map((one) => one.workdir);
  return [...new Set([...chosen.value.slice(0, 2), ...used, ...chosen.value])].filter(Boolean).slice(0, SHOWN);
}
