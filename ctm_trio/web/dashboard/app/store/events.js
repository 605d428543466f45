/** What an event of the stream means: for the sessions, for the feeds, for the counts. */
import { t } from '../i18n/index.js';
import { timeOfId } from '../ids.js';
import { countCall, lastCalls } from './activity.js';
import { rowOf } from './feed.js';
import { change, changeQuota, sessions, sessionsLoaded } from './sessions.js';

/** @typedef {{type: string, session: string, payload: any, id: string}} Event */

/** The event of a frame, if it is one. Lifecycle events have a `name` for their session. @param {import('../client/sse.js').Frame} frame @returns {Event[]} */
export function eventsOf(frame) {
  const payload = parse(frame.data);
  return payload ? [{ type: frame.type, session: payload.session ?? payload.name ?? '', payload, id: frame.id }] : [];
}

/** @param {string} data @returns {any} null for what is not a JSON object */
function parse(data) {
  try {
    const value = JSON.parse(data);
    return value && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/**
 * What an event means for everything but the sessions. @param {Event} event @param {import('./feed.js').Row[]} rows
 * @returns {boolean} true if the sessions have to be read again
 */
export function apply(event, rows) {
  const { type, session, payload } = event;
  if (type === 'tool_call') {
    const row = rowOf({ ...event, ts: payload.ts });
    rows.push(row);
    countCall(session, row);
    lastCalls.set(session, { tool: row.tool, input: row.input });
    return sessionsLoaded.value && !sessions.value.has(session) && noteNewName(session);
  }
  if (type === 'quota_update' && !session) {
    changeQuota(payload);
  } else if (type === 'attention_raised') {
    rows.push(marker(event, 'attention', t('feed.raised', { state: payload.state.replaceAll('_', ' ') })));
  } else if (type.startsWith('session_') || type === 'on_yolo') {
    rows.push(marker(event, 'session', t(`feed.${type}`)));
    return true;
  }
  return false;
}

/** What an event means for its session. @param {Map<string, import('../client/types.js').SessionView>} map @param {Event} event */
export function applyTo(map, { type, session, payload }) {
  const known = map.get(session);
  if (type === 'tool_call') {
    const at = Date.parse(payload.ts ?? '');
    if (at && !(Date.parse(known?.last_tool_call_at ?? '') >= at)) change(map, session, { last_tool_call_at: payload.ts });
  } else if (type === 'quota_update' && session) {
    const { context_pct, input_tokens, output_tokens, cache_tokens } = payload;
    change(map, session, { context_pct, tokens: { input_tokens, output_tokens, cache_tokens } });
  } else if (type === 'attention_raised') {
    // The same alarm again: the details we have may be newer than the event's, because changed details come only with a
    // read of the sessions. Keep them.
    if (known?.attention?.state === payload.state && known.attention.since === payload.since) return;
    change(map, session, { attention: { state: payload.state, since: payload.since, details: payload.details } });
  } else if (type === 'attention_cleared') {
    if (known?.attention?.state === payload.state) change(map, session, { attention: undefined });
  } else if (type === 'session_killed') {
    change(map, session, { tmux_alive: false, is_active: false });
  }
}

/** Names in events that the sessions list did not have: each is asked for once. @type {Set<string>} */
const askedFor = new Set();

/** Notes that a name is asked for. @param {string} name @returns {boolean} false if it was noted before */
function noteNewName(name) {
  if (askedFor.has(name)) return false;
  askedFor.add(name);
  return true;
}

/** Forgets the names that were asked for (log out). */
export const clearNames = () => askedFor.clear();

/** A row that is not a call. @param {{id: string, session: string, payload: any}} event
 *  @param {'attention'|'session'} kind @param {string} text @returns {import('./feed.js').Row} */
function marker(event, kind, text) {
  const at =
    Date.parse(event.payload.since ?? event.payload.ts ?? event.payload.at ?? '') || timeOfId(event.id);
  return {
    id: event.id,
    session: event.session,
    kind,
    tool: '',
    input: '',
    summary: event.payload.details ?? '',
    isError: false,
    at,
    agentId: '',
    durationMs: -1,
    exitCode: null,
    text,
  };
}
