/**
 * Tool calls a minute and session over the last half hour, for the sparklines. Fixed memory per session.
 *
 * Only what came through the stream is counted, and it begins with the latest few hundred events: until it covers the
 * half hour, `coveredSince` says from when on the counts are whole.
 */
import { signal } from '../html.js';
import { compareIds, timeOfId } from '../ids.js';

export const MINUTES = 30;
/** @type {Map<string, {base: number, calls: number[], errors: number[]}>} */
const series = new Map();
/** Session → its newest call in a few words. @type {Map<string, {tool: string, input: string}>} */
export const lastCalls = new Map();
/** Grows when anything was counted: components that draw sparklines read it. */
export const activityVersion = signal(0);
/** When the first call that was counted was recorded, in ms, and the id of the last one: ids grow along the stream. */
let firstAt = 0;
let lastId = '';

const minuteOf = (/** @type {number} */ ms) => Math.floor(ms / 60_000);

/** @param {string} session @param {{id: string, at: number, isError: boolean}} call `at` in ms */
export function countCall(session, { id, at, isError }) {
  if (lastId && compareIds(id, lastId) <= 0) return;
  lastId = id;
  firstAt ||= timeOfId(id);
  let one = series.get(session);
  if (!one) {
    one = { base: minuteOf(at) - MINUTES + 1, calls: Array(MINUTES).fill(0), errors: Array(MINUTES).fill(0) };
    series.set(session, one);
  }
  shiftTo(one, minuteOf(at));
  const index = minuteOf(at) - one.base;
  if (index < 0 || index >= MINUTES) return;
  one.calls[index] += 1;
  if (isError) one.errors[index] += 1;
}

/** Moves the window forward so that `minute` is in it. */
function shiftTo(/** @type {{base: number, calls: number[], errors: number[]}} */ one, /** @type {number} */ minute) {
  const steps = Math.min(MINUTES, minute - (one.base + MINUTES - 1));
  if (steps <= 0) return;
  for (const list of [one.calls, one.errors]) {
    list.splice(0, steps);
    while (list.length < MINUTES) list.push(0);
  }
  one.base = minute - MINUTES + 1;
}

/** @param {string} session @param {number} nowMs @returns {{calls: number[], errors: number[]}|null} null: no call seen */
export function callsByMinute(session, nowMs) {
  const one = series.get(session);
  if (!one) return null;
  shiftTo(one, minuteOf(nowMs));
  return one;
}

/** From when on every call is counted, in ms; 0 if that is the whole half hour. @param {number} nowMs */
export function coveredSince(nowMs) {
  return firstAt > nowMs - MINUTES * 60_000 ? firstAt : 0;
}

/** Counts from the beginning: events are missing, or somebody else logs in. */
export function clearActivity() {
  series.clear();
  firstAt = 0;
  lastId = '';
  activityVersion.value += 1;
}

/** @param {string} from @param {string} to */
export function renameActivity(from, to) {
  const one = series.get(from);
  if (one) series.set(to, one);
  series.delete(from);
}
