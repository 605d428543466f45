/** Whether the live stream is open, and since when what we show may be stale. */
import { computed, signal } from '../html.js';
import { boxNow, now } from './clock.js';

/** @type {import('../html.js').Signal<'idle'|'connecting'|'live'|'lost'>} */
export const streamState = signal('idle');
/** ms when we last heard from a stream that is not open now; 0 while it is open. */
const lostAt = signal(0);
/** ms since when we have been trying to open it again; 0 while it is open, or nobody looks. */
const tryingSince = signal(0);
/** ms of the next try. */
export const retryAt = signal(0);
/** ms when the last frame or comment came. */
let heardAt = 0;

/** A cut shorter than this is not worth a banner. */
const GRACE_MS = 1500;

export const staleMs = computed(() => (lostAt.value ? Math.max(0, now.value - lostAt.value) : 0));
export const bannerShown = computed(() => tryingSince.value > 0 && now.value - tryingSince.value > GRACE_MS);

/** Something came through the stream. */
export function streamHeard() {
  heardAt = boxNow();
}

/** @param {import('../client/sse.js').StreamStatus} status */
export function streamStatus(status) {
  streamState.value = status.state;
  retryAt.value = status.retryInMs ? boxNow() + status.retryInMs : 0;
  if (status.state === 'live') {
    heardAt = boxNow();
    lostAt.value = tryingSince.value = 0;
    return;
  }
  // A dead connection is noticed late: stale is what we have since we last heard of anything.
  if (status.state === 'lost') lostAt.value ||= heardAt || boxNow();
  if (lostAt.value) tryingSince.value ||= boxNow();
}

/** We let the stream go. @param {boolean} forGood nobody is logged in any more: there is nothing that could be stale */
export function streamClosed(forGood) {
  streamState.value = 'idle';
  retryAt.value = tryingSince.value = 0;
  if (forGood) lostAt.value = heardAt = 0;
  else lostAt.value ||= heardAt;
}
