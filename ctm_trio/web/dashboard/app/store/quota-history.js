/** What the quota was lately, and when it is used up at this rate. Remembered, so that a reload does not start over. */
import { effect } from '../html.js';
import { timeOfId } from '../ids.js';
import { boxNow } from './clock.js';
import { onEvent } from './live.js';
import { remembered } from './prefs.js';
import { quota } from './sessions.js';

/** @import { Quota } from '../client/types.js' */

/**
 * @typedef {'five'|'weekly'} Kind
 * @typedef {{pct: number, resets: number}} Seen one window as the daemon told it; `resets` in ms
 * @typedef {Seen & {at: number}} Sample `at` in ms
 * @typedef {{reach: number, lasts: boolean, basis: 'recent'|'average'}} Forecast `reach`: ms when 100 % is reached
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** How long a window is, and over how much of the past its rate is measured. */
const WINDOWS = {
  five: { length: 5 * HOUR, past: HOUR, enough: 10 * MINUTE },
  weekly: { length: 7 * 24 * HOUR, past: 24 * HOUR, enough: 2 * HOUR },
};
/** Samples kept of each window. */
const KEPT = 200;
/** Two times of reset this close are the same window: sessions report them a little apart. */
const SAME_WINDOW_MS = 10 * MINUTE;
/** A rate over the whole window says something once this share of it has passed. */
const ENOUGH_OF_WINDOW = 0.05;

/** @type {Record<Kind, import('./prefs.js').Remembered<Sample[]>>} */
const samples = { five: remembered('quota.five', []), weekly: remembered('quota.weekly', []) };

/** The wire's quota as one window of it; null while that is not known.
 *  @param {Quota|null} wire @param {Kind} kind @returns {Seen|null} */
export function windowOf(wire, kind) {
  const [pct, at] = kind === 'five' ? [wire?.five_hr_pct, wire?.five_hr_resets_at] : [wire?.weekly_pct, wire?.weekly_resets_at];
  return typeof pct === 'number' ? { pct, resets: Date.parse(at ?? '') || 0 } : null;
}

/** True if the figure is from before the window's reset: what is used since is not known. @param {{resets: number}} seen @param {number} at ms */
export const isOver = (seen, at) => seen.resets > 0 && seen.resets <= at;

/** @param {Quota} wire @param {number} at ms */
function record(wire, at) {
  for (const kind of /** @type {Kind[]} */ (['five', 'weekly'])) {
    const seen = windowOf(wire, kind);
    if (!seen) continue;
    samples[kind].value = added(samples[kind].peek(), { at, ...seen });
  }
}

/** A new window starts a new list. Of equal figures the first and the last are kept. @param {Sample[]} list @param {Sample} one */
export function added(list, one) {
  const last = list[list.length - 1];
  if (!last || Math.abs(last.resets - one.resets) > SAME_WINDOW_MS || one.pct < last.pct) {
    return last && one.at <= last.at ? list : [one];
  }
  if (one.at <= last.at) return list;
  const before = list[list.length - 2];
  const kept = before && before.pct === last.pct && last.pct === one.pct ? list.slice(0, -1) : list;
  return [...kept, one].slice(-KEPT);
}

/**
 * When 100 % is reached at the rate of the last hour (of the last day, for the week), or else at the average of the
 * window so far. Null while too little is known. @param {Kind} kind @param {Sample[]} list
 * @param {{pct: number, resets: number}} seen @param {number} now ms @returns {Forecast|null}
 */
export function forecastFrom(kind, list, seen, now) {
  const { length, past, enough } = WINDOWS[kind];
  if (!seen.resets || seen.resets < now || seen.pct >= 100) return null;
  const recent = list.filter((one) => now - one.at <= past && Math.abs(one.resets - seen.resets) <= SAME_WINDOW_MS);
  const first = recent[0];
  const started = seen.resets - length;
  if (first && now - first.at >= enough) return outcome((seen.pct - first.pct) / (now - first.at), seen, now, 'recent');
  if (now - started < length * ENOUGH_OF_WINDOW) return null;
  return outcome(seen.pct / (now - started), seen, now, 'average');
}

/** @param {number} rate percent a ms @param {{pct: number, resets: number}} seen @param {number} now
 *  @param {'recent'|'average'} basis @returns {Forecast} */
function outcome(rate, seen, now, basis) {
  const reach = rate > 0 ? now + (100 - seen.pct) / rate : Infinity;
  return { reach, lasts: reach >= seen.resets, basis };
}

/** @param {Kind} kind @param {number} now ms */
export function forecast(kind, now) {
  const seen = windowOf(quota.value, kind);
  return seen && forecastFrom(kind, samples[kind].value, seen, now);
}

/** Records the quota from now on. */
export function start() {
  let byEvent = false;
  onEvent((event) => {
    if (event.type !== 'quota_update' || event.session) return;
    byEvent = true;
    record(/** @type {Quota} */ (event.payload), timeOfId(event.id) || boxNow());
  });
  effect(() => {
    const wire = quota.value;
    if (wire && !byEvent) record(wire, boxNow());
    byEvent = false;
  });
}
