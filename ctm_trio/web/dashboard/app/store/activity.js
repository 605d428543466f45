/**
 * What each session did lately: its tool calls a minute over the last half hour, for the sparklines, and its newest call.
 * Fixed memory a session, until it goes. A call changes the signal of its own session only.
 *
 * Only what came through the stream is counted, and it begins with the latest few hundred events: until it covers the
 * half hour, `coveredSince` says from when on the counts are whole.
 */
import { signal } from '../html.js';
import { compareIds, timeOfId } from '../ids.js';

const MINUTES = 30;
/**
 * @typedef {{base: number, calls: number[], errors: number[]}} Counts a number for each minute; `base`: the first one, since 1970
 * @typedef {{tool: string, input: string}} Call in a few words
 * @typedef {{counts: Counts|null, last: Call|null}} Activity null: no call was seen
 */
/** @type {Activity} */
const NONE = { counts: null, last: null };
/** Made when a session calls or is drawn. @type {Map<string, import('../html.js').Signal<Activity>>} */
const bySession = new Map();
/** When the first call that was counted was recorded, in ms. */
const firstAt = signal(0);
/** The id of the last one: ids grow along the stream. */
let lastId = '';

const minuteOf = (/** @type {number} */ ms) => Math.floor(ms / 60_000);

/** @param {string} session */
function activityOf(session) {
  let activity = bySession.get(session);
  if (!activity) bySession.set(session, (activity = signal(NONE)));
  return activity;
}

/** @param {string} session @param {{id: string, at: number, isError: boolean, tool: string, input: string}} call `at` in ms */
export function countCall(session, { id, at, isError, tool, input }) {
  if (lastId && compareIds(id, lastId) <= 0) return;
  lastId = id;
  firstAt.value ||= timeOfId(id);
  const activity = activityOf(session);
  activity.value = { counts: counted(activity.value.counts, minuteOf(at), isError), last: { tool, input } };
}

/** @param {Counts|null} before @param {number} minute of a call @param {boolean} isError @returns {Counts} */
function counted(before, minute, isError) {
  const counts = upTo(before, minute);
  const index = minute - counts.base;
  if (index < 0) return counts; // before the half hour
  const { base, calls, errors } = counts;
  return { base, calls: calls.with(index, calls[index] + 1), errors: isError ? errors.with(index, errors[index] + 1) : errors };
}

/** The counts of a half hour that has `minute` in it, or comes after it. @param {Counts|null} counts @param {number} minute @returns {Counts} */
function upTo(counts, minute) {
  const base = minute - MINUTES + 1;
  if (counts && counts.base >= base) return counts;
  const steps = base - (counts?.base ?? base);
  const moved = (/** @type {number[]|undefined} */ list) => Array.from({ length: MINUTES }, (_, index) => list?.[index + steps] ?? 0);
  return { base, calls: moved(counts?.calls), errors: moved(counts?.errors) };
}

/** @param {string} session @param {number} nowMs @returns {Counts|null} null: no call seen */
export function callsByMinute(session, nowMs) {
  const { counts } = activityOf(session).value;
  return counts && upTo(counts, minuteOf(nowMs));
}

/** @param {string} session @returns {Call|null} its newest call */
export const lastCall = (session) => activityOf(session).value.last;

/** From when on every call is counted, in ms; 0 if that is the whole half hour. @param {number} nowMs */
export function coveredSince(nowMs) {
  return firstAt.value > nowMs - MINUTES * 60_000 ? firstAt.value : 0;
}

/** Counts from the beginning: events are missing. */
export function restartCounts() {
  for (const activity of bySession.values()) activity.value = { ...activity.value, counts: null };
  firstAt.value = 0;
  lastId = '';
}

/** Forgets everything (log out). */
export function clearActivity() {
  for (const session of [...bySession.keys()]) forgetActivity(session);
  restartCounts();
}

/** Forgets a session that is gone. @param {string} session */
export function forgetActivity(session) {
  const activity = bySession.get(session);
  bySession.delete(session);
  if (activity) activity.value = NONE; // whoever still shows it is drawn again, and follows what is made then
}

/** @param {string} from @param {string} to */
export function renameActivity(from, to) {
  const activity = bySession.get(from);
  if (activity?.value.last) activityOf(to).value = activity.value;
  forgetActivity(from);
}
