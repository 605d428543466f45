/** The sessions and the quota: read once, kept current by events, read again after a gap. */
import { api } from '../client/index.js';
import { computed, signal } from '../html.js';
import { forgetActivity } from './activity.js';
import { boxNow, now } from './clock.js';
import { standing } from './status.js';

/** @typedef {import('../client/types.js').SessionView} SessionView */

/** @type {import('../html.js').Signal<Map<string, SessionView>>} */
export const sessions = signal(new Map());
/** False until the first answer. */
export const sessionsLoaded = signal(false);
/** @type {import('../html.js').Signal<import('../client/types.js').Quota|null>} */
export const quota = signal(null);

/** Sessions are read again this often: it finds what no event tells. */
const REFRESH_MS = 30_000;

/**
 * What is being read. `now`: the read under way. `next`: the one that follows it. `steps`, `quotaChanged`: what changed
 * since the read under way was asked for; its answer may be older than that.
 * @typedef {{now: Promise<void>|null, next: Promise<void>|null, steps: ((map: Map<string, SessionView>) => void)[],
 *   quotaChanged: boolean}} Reading
 */
/** @returns {Reading} */
const newReading = () => ({ now: null, next: null, steps: [], quotaChanged: false });
/** Another one with each login: an answer to an earlier one is dropped. */
let reading = newReading();

/**
 * Reads sessions and quota. The promise is kept by an answer that was asked for after this call: while a read is under
 * way, all callers wait for one more.
 * @returns {Promise<void>}
 */
export function refresh() {
  const mine = reading;
  if (!mine.now) {
    mine.now = load(mine).finally(() => {
      mine.now = null;
    });
    return mine.now;
  }
  mine.next ??= mine.now.then(() => {
    mine.next = null;
    return mine === reading ? refresh() : undefined;
  });
  return mine.next;
}

/** @param {Reading} mine */
async function load(mine) {
  mine.steps = [];
  mine.quotaChanged = false;
  const [list, limits] = await Promise.allSettled([api.sessions(), api.quota()]);
  if (mine !== reading) return;
  if (list.status === 'fulfilled') {
    const map = new Map(list.value.map((one) => [one.name, one]));
    for (const step of mine.steps) step(map);
    show(map);
    sessionsLoaded.value = true;
  }
  if (limits.status === 'fulfilled' && !mine.quotaChanged) quota.value = limits.value;
}

/** What was counted of sessions that are gone goes with them. @param {Map<string, SessionView>} map */
function show(map) {
  for (const name of sessions.value.keys()) if (!map.has(name)) forgetActivity(name);
  sessions.value = map;
}

/** Changes the sessions, also in the answer that is on its way. @param {(map: Map<string, SessionView>) => void} step */
export function changeSessions(step) {
  const map = new Map(sessions.value);
  step(map);
  show(map);
  if (reading.now) reading.steps.push(step);
}

/** @param {import('../client/types.js').Quota} limits */
export function changeQuota(limits) {
  quota.value = limits;
  reading.quotaChanged = true;
}

/** Forgets everything (log out). */
export function clearSessions() {
  reading = newReading();
  show(new Map());
  sessionsLoaded.value = false;
  quota.value = null;
}

/** Reads the sessions again and again from now on, once they were read and while the page is seen. */
export function start() {
  setInterval(() => {
    if (sessionsLoaded.value && !document.hidden) refresh();
  }, REFRESH_MS);
}

/**
 * Changes one session, if we know it. @param {Map<string, SessionView>} map @param {string} name
 * @param {Partial<SessionView>} what
 */
export function change(map, name, what) {
  const known = map.get(name);
  if (known) map.set(name, { ...known, ...what });
}

/** Minutes, so that sessions do not swap places with every call. @param {SessionView} one */
const lastMinute = (one) => Math.floor((Date.parse(one.last_tool_call_at ?? one.created_at) || 0) / 60_000);

const GROUPS = /** @type {const} */ (['needs', 'working', 'ended']);
/** Every 15 s is often enough to regroup. */
const regroupAt = computed(() => Math.floor(now.value / 15_000) * 15_000);

/** @typedef {{session: SessionView, standing: import('./status.js').Standing}} Entry */
/** The entries of last time: one that says the same is the same object, so that its row is not drawn again.
 *  @type {Map<string, Entry>} */
let lastEntries = new Map();

/** @param {SessionView} session @param {number} at ms @returns {Entry} */
function entry(session, at) {
  const made = { session, standing: standing(session, at) };
  const last = lastEntries.get(session.name);
  const same =
    last?.session === session &&
    last.standing.key === made.standing.key &&
    last.standing.group === made.standing.group &&
    last.standing.reason === made.standing.reason;
  return same ? last : made;
}

/** Who has waited longest comes first. @param {Entry} one */
const sinceOf = (one) => Date.parse(one.standing.since) || 0;

/** Sessions with their standing: who needs you first (most urgent first), then by activity. */
export const ranked = computed(() => {
  const at = Math.max(regroupAt.value, boxNow());
  const entries = [...sessions.value.values()].map((session) => entry(session, at));
  lastEntries = new Map(entries.map((one) => [one.session.name, one]));
  return entries.sort(
    (a, b) =>
      GROUPS.indexOf(a.standing.group) - GROUPS.indexOf(b.standing.group) ||
      (a.standing.group === 'needs' ? a.standing.rank - b.standing.rank || sinceOf(a) - sinceOf(b) : 0) ||
      lastMinute(b.session) - lastMinute(a.session) ||
      a.session.name.localeCompare(b.session.name),
  );
});

export const needing = computed(() => ranked.value.filter((one) => one.standing.group === 'needs'));
/** A number, so that who shows it is drawn again only when it changes. */
export const needingCount = computed(() => needing.value.length);
