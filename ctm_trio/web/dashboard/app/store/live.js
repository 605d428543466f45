/** The one stream of the tab: takes frames as they come, applies them a few times a second in one step. */
import { streams } from '../client/index.js';
import { batch } from '../html.js';
import { t } from '../i18n/index.js';
import { timeOfId } from '../ids.js';
import { activityVersion, clearActivity, countCall, lastCalls } from './activity.js';
import { streamClosed, streamHeard, streamStatus } from './connection.js';
import { appendLive, markGap, rowOf } from './feed.js';
import { shareAmongHiddenTabs } from './hidden-tabs.js';
import { change, changeQuota, changeSessions, refresh, sessions, sessionsLoaded } from './sessions.js';

/** Events are applied this often: more would not be seen, less would feel slow. Hidden pages take their time. */
const FLUSH_MS = 80;
const FLUSH_HIDDEN_MS = 1000;

/** @type {ReturnType<typeof streams.all>|null} */
let stream = null;
/** @type {import('../client/sse.js').Frame[]} */
let pending = [];
/** @type {ReturnType<typeof setTimeout>|null} */
let timer = null;
let wasLost = false;

/** @type {Set<(event: {type: string, session: string, payload: any, id: string}) => void>} */
const listeners = new Set();

/** Hands every live event to `listener` (notifications). @returns {() => void} stops it */
export function onEvent(
  /** @type {(event: {type: string, session: string, payload: any, id: string}) => void} */ listener,
) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What to do when the daemon does not know the token; null while nobody is logged in. @type {(() => void)|null} */
let onEnd = null;
/** Where to go on after a pause. */
let resumeFrom = '';

/** @param {() => void} onUnauthorized */
export function startLive(onUnauthorized) {
  stopLive();
  onEnd = onUnauthorized;
  open();
}

function open() {
  if (stream || !onEnd) return;
  const handlers = {
    onFrames: (/** @type {import('../client/sse.js').Frame[]} */ frames) => {
      for (const frame of frames) pending.push(frame);
      timer ??= setTimeout(flush, document.hidden ? FLUSH_HIDDEN_MS : FLUSH_MS);
    },
    onStatus: (/** @type {import('../client/sse.js').StreamStatus} */ status) => {
      streamStatus(status);
      if (status.state === 'live') {
        if (wasLost) refresh();
        wasLost = false;
      } else if (status.state === 'lost') wasLost = true; // while it connects it stays what it was
    },
    onLost: () => {
      flush(); // what came before the gap belongs before it
      clearActivity();
      markGap();
      refresh();
    },
    onHeard: streamHeard,
    onEnd,
  };
  stream = streams.all(handlers, resumeFrom);
}

/** Lets the stream go; `open` goes on where it was. */
function pause() {
  resumeFrom = stream?.lastId() ?? resumeFrom;
  stream?.close();
  stream = null;
  streamClosed(false);
}

export function stopLive() {
  pause();
  streamClosed(true);
  onEnd = null;
  resumeFrom = '';
  pending = [];
  clearActivity();
  lastCalls.clear();
}

shareAmongHiddenTabs(pause, () => {
  if (!stream) wasLost = true; // what no event tells is read again
  open();
});

export const retryNow = () => stream?.retryNow();
addEventListener('online', retryNow);

function flush() {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  const frames = pending;
  pending = [];
  /** @type {import('./feed.js').Row[]} */
  const rows = [];
  const events = frames.flatMap(eventsOf);
  let stale = false;
  batch(() => {
    for (const event of events) {
      stale = apply(event, rows) || stale;
      for (const listener of listeners) listener(event);
    }
    changeSessions((map) => events.forEach((event) => applyTo(map, event)));
    if (rows.length) {
      appendLive(rows);
      activityVersion.value += 1;
    }
  });
  if (stale) refresh();
}

/** @typedef {{type: string, session: string, payload: any, id: string}} Event */

/** The event of a frame, if it is one. @param {import('../client/sse.js').Frame} frame @returns {Event[]} */
function eventsOf(frame) {
  const payload = parse(frame.data);
  return payload ? [{ type: frame.type, session: payload.session ?? '', payload, id: frame.id }] : [];
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
function apply(event, rows) {
  const { type, session, payload } = event;
  if (type === 'tool_call') {
    const row = rowOf({ ...event, ts: payload.ts });
    rows.push(row);
    countCall(session, row);
    lastCalls.set(session, { tool: row.tool, input: row.input });
    return sessionsLoaded.value && !sessions.value.has(session) && isNewName(session);
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
function applyTo(map, { type, session, payload }) {
  const known = map.get(session);
  if (type === 'tool_call') {
    const at = Date.parse(payload.ts ?? '');
    if (at && !(Date.parse(known?.last_tool_call_at ?? '') >= at)) change(map, session, { last_tool_call_at: payload.ts });
  } else if (type === 'quota_update' && session) {
    const { context_pct, input_tokens, output_tokens, cache_tokens } = payload;
    change(map, session, { context_pct, tokens: { input_tokens, output_tokens, cache_tokens } });
  } else if (type === 'attention_raised') {
    // No event tells when the details change: of the same alarm those that we have are not older.
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

/** @param {string} name */
function isNewName(name) {
  if (askedFor.has(name)) return false;
  askedFor.add(name);
  return true;
}

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
