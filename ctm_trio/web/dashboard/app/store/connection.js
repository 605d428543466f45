/** Whether the live stream is open, and since when what we show may be stale. */
import { computed, signal } from '../html.js';
import { boxNow, now } from './clock.js';

/** @type {import('../html.js').Signal<'idle'|'connecting'|'live'|'lost'>} */
export const streamState = signal('idle');
/** ms when the stream was lost; 0 while it is open. */
export const lostAt = signal(0);
/** ms of the next try. */
export const retryAt = signal(0);

/** A cut shorter than this is not worth a banner. */
const GRACE_MS = 1500;

export const staleMs = computed(() => (lostAt.value ? Math.max(0, now.value - lostAt.value) : 0));
export const bannerShown = computed(() => staleMs.value > GRACE_MS);

/** @param {import('../client/sse.js').StreamStatus} status */
export function streamStatus(status) {
  streamState.value = status.state;
  retryAt.value = status.retryInMs ? boxNow() + status.retryInMs : 0;
  if (status.state === 'live') lostAt.value = 0;
  else if (status.state === 'lost' && !lostAt.value) lostAt.value = boxNow();
}
