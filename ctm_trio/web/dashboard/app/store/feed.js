/** Rows of tool calls: one bounded list for all sessions, one for each session whose feed is open. */
import { compareIds } from '../ids.js';
import { signal } from '../html.js';
import { t } from '../i18n/index.js';
import { boxNow } from './clock.js';

/** @template T @typedef {import('../html.js').Signal<T>} Signal */

/**
 * @typedef {{id: string, session: string, kind: 'call'|'attention'|'session'|'gap', tool: string, input: string,
 *   summary: string, isError: boolean, at: number, agentId: string, durationMs: number, exitCode: number|null,
 *   text?: string}} Row
 * @typedef {{after: string}} Gap rows may be missing after this id ("": anywhere); each gap is an object of its own
 * @typedef {{rows: Signal<Row[]>, gap: Signal<Gap|null>, cap: number}} Feed
 *   `rows`: oldest first, another array with each change. `gap`: the newest page has to be read again.
 */

/** Rows kept of live events. What is older is one "load older" away. */
export const LIVE_ROWS = 5000;

/** @param {Row[]} rows @returns {Feed} */
const newFeed = (rows) => ({ rows: signal(rows), gap: signal(null), cap: LIVE_ROWS });

export const allFeed = newFeed([]);
/** @type {Map<string, Feed>} */
const bySession = new Map();
/** Feeds of sessions kept in memory after their view was closed. */
const KEPT = 4;

/** The feed of one session, filled with what the common list has without a gap. @param {string} name @returns {Feed} */
export function sessionFeed(name) {
  let feed = bySession.get(name);
  if (!feed) {
    const all = allFeed.rows.peek(); // whoever asks follows the feed of one session only
    const whole = all.slice(all.findLastIndex((row) => row.kind === 'gap') + 1);
    feed = newFeed(whole.filter((row) => row.session === name && row.kind === 'call'));
    bySession.set(name, feed);
    while (bySession.size > KEPT) bySession.delete(/** @type {string} */ (bySession.keys().next().value));
  }
  return feed;
}

/** @param {{id: string, session: string, ts?: string, payload: import('../client/types.js').ToolCall}} event @returns {Row} */
export function rowOf(event) {
  const call = event.payload;
  return {
    id: event.id,
    session: text(event.session || call.session),
    kind: 'call',
    tool: text(call.tool) || '?',
    input: text(call.input),
    summary: text(call.summary),
    isError: call.is_error === true,
    at: Date.parse(call.ts ?? event.ts ?? '') || 0,
    agentId: text(call.agent_id),
    durationMs: typeof call.duration_ms === 'number' ? call.duration_ms : -1,
    exitCode: typeof call.exit_code === 'number' ? call.exit_code : null,
  };
}

/** Any JSON value as a string. @param {unknown} value */
function text(value) {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** @param {Feed} feed @param {Row[]} rows newer than all in it, oldest first */
function append(feed, rows) {
  const known = feed.rows.value;
  const last = known.at(-1);
  const fresh = last ? rows.filter((row) => compareIds(row.id, last.id) > 0) : rows;
  if (!fresh.length) return;
  // A new array a flush: views compare by identity; 5,000 references cost microseconds.
  const all = known.concat(fresh);
  feed.rows.value = all.length > feed.cap + 500 ? all.slice(-feed.cap) : all;
}

/** Live rows, in order. @param {Row[]} rows */
export function appendLive(rows) {
  append(allFeed, rows);
  for (const [name, feed] of bySession) {
    const own = rows.filter((row) => row.session === name && row.kind === 'call');
    if (own.length) append(feed, own);
  }
}

/** Merges a page of history. @param {Feed} feed @param {Row[]} page any order */
export function mergeHistory(feed, page) {
  const rows = feed.rows.value;
  const known = new Set(rows.map((row) => row.id));
  const fresh = page.filter((row) => !known.has(row.id));
  if (!fresh.length) return;
  feed.rows.value = rows.concat(fresh).sort((a, b) => compareIds(a.id, b.id));
  feed.cap = Math.max(feed.cap, rows.length + fresh.length);
}

/**
 * Merges the newest page, which closes a gap: if it does not reach back to what was there before the gap, the rows that
 * are older than the page go. They can be loaded again, page by page.
 * @param {Feed} feed @param {Row[]} page any order @param {boolean} hasMore there is history before the page
 * @param {Gap|null} gap the feed's gap when the page was asked for; a gap of later on stays
 */
export function mergeNewest(feed, page, hasMore, gap) {
  if (gap && hasMore && page.length) {
    const oldest = page.reduce((least, row) => (compareIds(row.id, least) < 0 ? row.id : least), page[0].id);
    if (!gap.after || compareIds(oldest, gap.after) > 0) {
      feed.rows.value = feed.rows.value.filter((row) => compareIds(row.id, oldest) >= 0);
    }
  }
  mergeHistory(feed, page);
  if (gap && feed.gap.value === gap) feed.gap.value = null;
}

/** After a gap in the stream: open feeds read their newest page again, the feed of all sessions shows where it is. */
export function markGap() {
  for (const feed of bySession.values()) {
    feed.gap.value = { after: feed.gap.value ? feed.gap.value.after : (feed.rows.value.at(-1)?.id ?? '') };
  }
  const last = allFeed.rows.value.at(-1);
  if (last && last.kind !== 'gap') append(allFeed, [gapRow(last.id)]);
}

/** The mark of a gap. Events have ids that end in -0, so the one of the mark is just behind. @param {string} after @returns {Row} */
function gapRow(after) {
  return {
    id: `${after.split('-')[0]}-1`, session: '', kind: 'gap', tool: '', input: '', summary: t('feed.missingWhere'), isError: false,
    at: boxNow(), agentId: '', durationMs: -1, exitCode: null, text: t('feed.missing'),
  };
}

/** Forgets everything (log out). */
export function clearFeeds() {
  allFeed.rows.value = [];
  bySession.clear();
}
