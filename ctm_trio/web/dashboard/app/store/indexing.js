/** How far the index of transcripts is: until it has all of them, what is listed and shown is not all there is. */
import { conversations } from '../client/index.js';
import { useEffect, useRef, useState } from '../html.js';

/** @typedef {import('../client/conversations.js').Progress} Progress */

/** How soon it is looked again while the index is behind. */
const AGAIN_MS = 1500;

/** @type {Progress} */
const COMPLETE = { complete: true, left: 0 };

/**
 * Looks at the index until it has every transcript. A look that fails is the last one: then it is not worth a note.
 * @param {(found: Progress) => void} told called with what each look finds @returns {() => void} ends it
 */
export function followIndex(told) {
  const stop = new AbortController();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  let first = true;
  const ask = async () => {
    if (first || !document.hidden) {
      const found = await conversations.progress({ signal: stop.signal }).catch(() => COMPLETE);
      if (stop.signal.aborted) return;
      first = false;
      told(found);
      if (found.complete) return;
    }
    timer = setTimeout(ask, AGAIN_MS);
  };
  ask();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}

/**
 * The same as state of a component; null before the first look.
 * @param {() => void} again called while the index is behind, with each look, and once more when it has everything
 */
export function useIndex(again) {
  const [state, setState] = useState(/** @type {Progress|null} */ (null));
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => {
    let behind = false;
    return followIndex((found) => {
      setState(found);
      if (behind || !found.complete) latest.current();
      behind = !found.complete;
    });
  }, []);
  return state;
}
