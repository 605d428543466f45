/**
 * The time of the box, ticking once a second while the page is seen. Components that read `now.value` follow it.
 *
 * What the page shows happened there, so ages count by the box's clock: every answer of the daemon says what that shows.
 * In between the time since the last answer is added, by a clock that nobody can set; the browser's own date is only
 * believed until the first answer.
 */
import { api, setTimeHandler } from '../client/index.js';
import { computed, signal } from '../html.js';

/** An answer is late by its way here: the box is only taken to be behind what we think if it is by more than this. */
const LATENESS_MS = 500;
/** If the date and the steady clock drift apart by this within a tick, the computer slept, or its date was set. */
const JUMP_MS = 2000;
/** The box is asked again after so long without an answer. */
const ASK_MS = 90_000;

let offset = Date.now() - performance.now();
let heardAt = -Infinity;
let asking = false;

/** Milliseconds since 1970 by the box's clock. */
export const boxNow = () => offset + performance.now();

export const now = signal(boxNow());

/** `now` for what need not follow each second, rounded up to 10 s: a time that is left is never shown as longer than it is. */
export const nearlyNow = computed(() => Math.ceil(now.value / 10_000) * 10_000);

/** When this minute began: for what counts by the minute. */
export const thisMinute = computed(() => Math.floor(now.value / 60_000) * 60_000);

/** An answer has just come that was sent at this time. @param {number} time ms by the box's clock */
export function heard(time) {
  const found = time - performance.now();
  const first = heardAt === -Infinity;
  heardAt = performance.now();
  if (!first && found < offset && offset - found < LATENESS_MS) return;
  const moved = Math.abs(found - offset);
  offset = found;
  if (moved > LATENESS_MS) now.value = boxNow();
}

/** Asks the box what time it is. */
async function ask() {
  if (asking) return;
  asking = true;
  try {
    await api.healthz();
  } catch {
    // away: the stream says so
  } finally {
    asking = false;
  }
}

/** Of the date and the steady clock: how far they are apart changes only when one of them jumps. */
const apart = () => Date.now() - performance.now();
let lastApart = apart();

function tick() {
  const jumped = Math.abs(apart() - lastApart) > JUMP_MS;
  lastApart = apart();
  if (document.hidden) return;
  now.value = boxNow();
  if (jumped || performance.now() - heardAt > ASK_MS) ask();
}

/** Ticks, and takes the time from every answer, from now on. */
export function start() {
  setTimeHandler(heard);
  setInterval(tick, 1000);
  document.addEventListener('visibilitychange', tick);
}
