/** The sessions and the quota: read once, kept current by events, read again after a gap. */
import { api } from '../client/index.js';
import { computed, signal } from '../html.js';
import { boxNow, now } from './clock.js';
import { standing } from './attention.js';

/** @typedef {import('../client/types.js').SessionView} SessionView */

/** @type {import('../html.js').Signal<Map<string, SessionView>>} */
export const sessions = signal(new Map());
/** False until the first answer. */
export const sessionsLoaded = signal(false);
/** @type {import('../html.js').Signal<import('../client/types.js').Quota|null>} */
export const quota = signal(null);
/** Session name → its cost so far in millionths of a dollar, of those that were at work within a day. */
export const costs = signal(/** @type {Map<string, number>} */ (new Map()));

/** Sessions are read again this often: it finds what no event tells. */
const REFRESH_MS = 30_000;
/** @type {Promise<void>|null} */
let loading = null;

/** Reads sessions and quota; several calls at once are one. */
export function refresh() {
  loading ??= load().finally(() => {
    loading = null;
  });
  return loading;
}

async function load() {
  const [list, limits] = await Promise.allSettled([api.sessions(), api.quota()]);
  if (list.status === 'fulfilled') {
    sessions.value = new Map(list.value.map((one) => [one.name, one]));
    sessionsLoaded.value = true;
  }
  if (limits.status === 'fulfilled') quota.value = limits.value;
}

/** Costs are read again this often: the last hour is enough, as it holds all that changed. */
const COSTS_MS = 60_000;

/** Reads costs: of a day the first time, of an hour from then on. */
export async function refreshCosts() {
  try {
    const { points } = await api.cost({ window: costs.value.size ? 'hour' : 'day' });
    costs.value = new Map([...costs.value, ...latestCosts(points)]);
  } catch {
    // the banner or the login page speaks; what is known stays
  }
}

/** Points are running totals: the latest of each session counts. @param {import('../client/types.js').CostPoint[]} points */
export function latestCosts(points) {
  /** @type {Map<string, {ts: string, micros: number}>} */
  const latest = new Map();
  for (const point of points) {
    const known = latest.get(point.session);
    if (!known || point.ts >= known.ts) latest.set(point.session, { ts: point.ts, micros: point.cost_usd_micros });
  }
  return new Map([...latest].map(([name, one]) => [name, one.micros]));
}

setInterval(() => {
  if (sessionsLoaded.value && !document.hidden) refresh();
}, REFRESH_MS);
setInterval(() => {
  if (sessionsLoaded.value && !document.hidden) refreshCosts();
}, COSTS_MS);

/**
 * Changes one session, if we know it. @param {Map<string, SessionView>} map @param {string} name
 * @param {Partial<SessionView>} change
 */
export function change(map, name, change) {
  const known = map.get(name);
  if (known) map.set(name, { ...known, ...change });
}

/** Minutes, so that sessions do not swap places with every call. @param {SessionView} one */
const lastMinute = (one) => Math.floor((Date.parse(one.last_tool_call_at ?? one.created_at) || 0) / 60_000);

const GROUPS = /** @type {const} */ (['needs', 'working', 'quiet', 'ended']);
/** Every 15 s is often enough to regroup. */
const regroupAt = computed(() => Math.floor(now.value / 15_000) * 15_000);

/** @typedef {{session: SessionView, standing: import('./attention.js').Standing}} Entry */
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
    last.standing.reason === made.standing.reason;
  return same ? last : made;
}

/** Sessions with their standing: who needs you first (most urgent first), then by activity. */
export const ranked = computed(() => {
  const at = Math.max(regroupAt.value, boxNow());
  const entries = [...sessions.value.values()].map((session) => entry(session, at));
  lastEntries = new Map(entries.map((one) => [one.session.name, one]));
  return entries.sort(
    (a, b) =>
      GROUPS.indexOf(a.standing.group) - GROUPS.indexOf(b.standing.group) ||
      (a.standing.group === 'needs' ? a.standing.rank - b.standing.rank : 0) ||
      lastMinute(b.session) - lastMinute(a.session) ||
      a.session.name.localeCompare(b.session.name),
  );
});

export const needing = computed(() => ranked.value.filter((one) => one.standing.group === 'needs'));
/** A number, so that who shows it is drawn again only when it changes. */
export const needingCount = computed(() => needing.value.length);
