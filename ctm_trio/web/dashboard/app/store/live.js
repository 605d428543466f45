/** The one stream of the tab: takes frames as they come, applies them a few times a second in one step. */
import { streams } from '../client/index.js';
import { batch } from '../html.js';
import { clearActivity, restartCounts } from './activity.js';
import { streamClosed, streamHeard, streamStatus } from './connection.js';
import { apply, applyTo, clearNames, eventsOf } from './events.js';
import { appendLive, markGap } from './feed.js';
import { shareAmongHiddenTabs } from './hidden-tabs.js';
import { refreshRequests } from './requests.js';
import { changeSessions, refresh } from './sessions.js';

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

/** @type {Set<(event: import('../client/types.js').LiveEvent) => void>} */
const listeners = new Set();

/** Hands every live event to `listener` (notifications). @returns {() => void} stops it */
export function onEvent(/** @type {(event: import('../client/types.js').LiveEvent) => void} */ listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @type {Set<() => void>} */
const gapListeners = new Set();

/** Calls `listener` when events may be missing: what it shows of them has to be read again. @returns {() => void} stops it */
export function onGap(/** @type {() => void} */ listener) {
  gapListeners.add(listener);
  return () => gapListeners.delete(listener);
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
        if (wasLost) refreshAll();
        wasLost = false;
      } else if (status.state === 'lost') wasLost = true; // while it connects it stays what it was
    },
    onLost: () => {
      flush(); // what came before the gap belongs before it
      restartCounts();
      markGap();
      refreshAll();
    },
    onHeard: streamHeard,
    onEnd,
  };
  stream = streams.all(handlers, resumeFrom);
}

/** Reads again what events are missing of. */
function refreshAll() {
  refresh();
  refreshRequests();
  for (const listener of gapListeners) listener();
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
  clearNames();
}

export const retryNow = () => stream?.retryNow();

/** From now on the stream, while there is one, follows whether the page is seen and the computer is online. */
export function start() {
  shareAmongHiddenTabs(pause, () => {
    if (!stream) wasLost = true; // what no event tells is read again
    open();
  });
  addEventListener('online', retryNow);
}

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
    if (rows.length) appendLive(rows);
  });
  if (stale) refresh();
}
