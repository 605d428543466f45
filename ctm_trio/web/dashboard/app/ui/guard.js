/** Taps that were meant for what was there before: what has just appeared or moved takes none for a moment. */
import { useLayoutEffect, useRef } from '../html.js';

/** A finger that is on its way lands within this time. */
export const GUARD_MS = 400;
/** A move of fewer pixels leaves the same button under the finger. */
const MOVED_PX = 6;

/**
 * Guards an element: while it has `data-guard` it takes neither taps nor clicks, however they are made.
 * @param {unknown} what is shown in it: the guard begins with each change of it, and when the element moves
 * @returns {{current: HTMLElement|null}} the ref of the element
 */
export function useGuard(what) {
  const ref = useRef(/** @type {HTMLElement|null} */ (null));
  const begin = useRef(() => {});
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    let downAt = 0;
    let changedAt = 0;
    begin.current = () => {
      changedAt = performance.now();
      element.dataset.guard = '';
      clearTimeout(timer);
      timer = setTimeout(() => delete element.dataset.guard, GUARD_MS);
    };
    const down = (/** @type {Event} */ event) => {
      downAt = performance.now();
      if ('guard' in element.dataset) stop(event);
    };
    // A press that began before the change ends after it; a click by key has no press before it (`detail` 0).
    const click = (/** @type {MouseEvent} */ event) => {
      if ('guard' in element.dataset || (event.detail && downAt < changedAt + GUARD_MS)) stop(event);
    };
    element.addEventListener('pointerdown', down, true);
    element.addEventListener('click', click, true);
    const unwatch = watchMoves(element, () => begin.current());
    return () => {
      clearTimeout(timer);
      unwatch();
      element.removeEventListener('pointerdown', down, true);
      element.removeEventListener('click', click, true);
    };
  }, []);
  useLayoutEffect(() => begin.current(), [what]);
  return ref;
}

/** @param {Event} event */
function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** Calls back when the element is elsewhere than before without having been scrolled. @param {HTMLElement} element @param {() => void} moved */
function watchMoves(element, moved) {
  const place = () => element.getBoundingClientRect().bottom + scrollY;
  let last = place();
  const observer = new ResizeObserver(() => {
    const now = place();
    if (Math.abs(now - last) > MOVED_PX) moved();
    last = now;
  });
  observer.observe(element);
  observer.observe(document.body);
  return () => observer.disconnect();
}
