/**
 * Of the tabs that nobody looks at, one keeps its stream (for notifications); the others let theirs go until they are
 * seen again. Browsers allow six connections to a host: without this, six forgotten tabs would lock out the seventh.
 */

/** A tab that is hidden this long lets go. */
const LET_GO_MS = 30_000;
const LOCK = 'ctm.hidden-stream';

/** @type {ReturnType<typeof setTimeout>|undefined} */
let timer;
/** Ends the wait for the lock, or gives it back. */
let release = () => {};

/**
 * Calls `pause` when this tab should let its stream go, `resume` when it should have one again.
 * @param {() => void} pause @param {() => void} resume
 */
export function shareAmongHiddenTabs(pause, resume) {
  if (!navigator.locks) return;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    release();
    if (!document.hidden) resume();
    else timer = setTimeout(() => letGo(pause, resume), LET_GO_MS);
  });
}

/** @param {() => void} pause @param {() => void} resume */
function letGo(pause, resume) {
  const stop = new AbortController();
  /** @type {() => void} */
  let done = () => {};
  const hold = () => new Promise((resolve) => (done = () => resolve(undefined)));
  release = () => {
    stop.abort();
    done();
    release = () => {};
  };
  // Whoever holds the lock is the one hidden tab with a stream; the others wait in line for it.
  navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
    if (stop.signal.aborted) return undefined;
    if (lock) return hold();
    pause();
    const inLine = navigator.locks.request(LOCK, { signal: stop.signal }, () => {
      resume();
      return hold();
    });
    inLine.catch(() => {}); // aborted: the tab is seen again
    return undefined;
  });
}
