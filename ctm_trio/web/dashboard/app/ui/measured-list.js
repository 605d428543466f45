/**
 * A list of rows of any height that draws only what is seen. Heights are guessed until a row was drawn, then measured.
 * One row is the anchor: whatever grows, comes or goes elsewhere, it stays where the reader sees it. At the end the list
 * stays at the end.
 */
import { html, useCallback, useEffect, useLayoutEffect, useRef, useState } from '../html.js';

/** @import { Children } from '../html.js' */

/** Pixels drawn beyond each edge, pixels from an end that count as near it, and as at it. */
const OVERSCAN = 700;
const NEAR = 1800;
const AT_END = 48;
/** Room above a row that was jumped to. */
const HEADROOM = 10;

/**
 * @typedef {{to: (key: string) => void, toStart: () => void, toEnd: () => void, shift: (pixels: number) => void, element: () => HTMLElement|null,
 *   top: () => string, here: () => string}} ListHandle `to`: brings a row to the top. `top`: the key of the row at the top. `shift`: moves on from there. `here`: of the row where
 *   the reader is: one that was jumped to, at the end the last one, else that at the top
 * @typedef {{first: boolean, last: boolean}} Near which ends are near
 */

/** @param {Element} element */
const isAtEnd = (element) => element.scrollHeight - element.scrollTop - element.clientHeight < AT_END;

/** Where each row begins, and where the last one ends. @param {number[]} heights */
function placesOf(heights) {
  const places = new Array(heights.length + 1);
  places[0] = 0;
  for (let at = 0; at < heights.length; at += 1) places[at + 1] = places[at] + heights[at];
  return places;
}

/** The last row that begins at or above `y`. @param {number[]} places @param {number} y */
function rowAt(places, y) {
  let low = 0;
  let high = Math.max(0, places.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (places[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * @template T
 * @param {{rows: T[], keyOf: (row: T) => string, guess: (row: T) => number, draw: (row: T) => Children, label: string,
 *   class?: string, head?: Children, foot?: Children, handle: {current: ListHandle|null}, onNear: (near: Near) => void,
 *   onMove: (atEnd: boolean, here: string) => void, startAt?: string}} props
 *   `guess`: a height. `startAt`: the key of the row to begin with, else the end. `onMove`: the reader has scrolled.
 */
export function MeasuredList({ rows, keyOf, guess, draw, label, class: extra = '', head, foot, handle, onNear, onMove, startAt = '' }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const [, redraw] = useState(0);
  const heights = useRef(/** @type {Map<string, number>} */ (new Map())).current;
  const anchor = useRef({ key: startAt, offset: -HEADROOM, end: !startAt, jumped: Boolean(startAt) });
  /** Whether the end was seen when `onMove` was called last. */
  const told = useRef(/** @type {boolean|null} */ (null));
  const view = useRef({ top: 0, height: 800 });
  const again = useCallback(() => redraw((n) => n + 1), []);
  const keys = rows.map(keyOf);
  const places = placesOf(rows.map((row, index) => heights.get(keys[index]) ?? guess(row)));
  const index = anchor.current.end ? -1 : keys.indexOf(anchor.current.key);
  // What is drawn follows the anchor, not the last position: that one belongs to rows that may have moved.
  const top = anchor.current.end ? places[rows.length] - view.current.height : index < 0 ? view.current.top : places[index] + anchor.current.offset;
  const first = rowAt(places, Math.max(0, top - OVERSCAN));
  const last = Math.min(rows.length, rowAt(places, Math.max(0, top) + view.current.height + OVERSCAN) + 1);

  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    view.current.height = element.clientHeight;
    let grown = false;
    for (const child of element.querySelectorAll(':scope > .measured-space > [data-key]')) {
      const key = /** @type {HTMLElement} */ (child).dataset.key ?? '';
      const height = child.getBoundingClientRect().height;
      if (Math.abs((heights.get(key) ?? -1) - height) > 0.5) {
        heights.set(key, height);
        grown = true;
      }
    }
    if (grown) again(); // before anything is painted
    else place();
  });

  const topKey = () => keys[rowAt(places, Math.max(0, view.current.top + HEADROOM + 2))] ?? '';
  const here = () => (anchor.current.jumped ? anchor.current.key : anchor.current.end ? keys[rows.length - 1] ?? '' : topKey());
  const tell = (/** @type {boolean} */ end) => {
    told.current = end;
    onMove(end, here());
  };

  /** Scrolls to where the anchor is now. */
  const place = () => {
    const element = /** @type {HTMLElement} */ (box.current);
    const above = /** @type {HTMLElement|null} */ (element.querySelector(':scope > .measured-head'))?.offsetHeight ?? 0;
    const wanted = anchor.current.end ? element.scrollHeight - element.clientHeight : index < 0 ? element.scrollTop : above + places[index] + anchor.current.offset;
    if (Math.abs(element.scrollTop - wanted) > 1) element.scrollTop = wanted;
    view.current.top = element.scrollTop - above;
    const end = isAtEnd(element);
    if (end !== told.current) tell(end);
    onNear({ first: view.current.top < NEAR, last: element.scrollHeight - element.scrollTop - element.clientHeight < NEAR });
  };

  const onScroll = () => {
    const element = /** @type {HTMLElement} */ (box.current);
    const above = /** @type {HTMLElement|null} */ (element.querySelector(':scope > .measured-head'))?.offsetHeight ?? 0;
    const at = element.scrollTop - above;
    if (Math.abs(at - view.current.top) < 1) return; // our own step
    view.current.top = at;
    const end = isAtEnd(element);
    const row = rowAt(places, Math.max(0, at));
    anchor.current = { key: keys[row] ?? '', offset: at - places[row], end, jumped: false };
    again();
    tell(end);
  };

  /** What somebody opens grows downwards from where it is, at the end too. @param {MouseEvent} event */
  const onOpen = (event) => {
    const target = /** @type {Element} */ (event.target);
    const row = target.closest('[aria-expanded]') && /** @type {HTMLElement|null} */ (target.closest('[data-key]'));
    const at = row ? keys.indexOf(row.dataset.key ?? '') : -1;
    if (at < 0) return;
    anchor.current = { key: keys[at], offset: view.current.top - places[at], end: false, jumped: false };
    tell(false);
  };

  useEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    const observer = new ResizeObserver(again);
    observer.observe(element);
    observer.observe(/** @type {Element} */ (element.querySelector('.measured-space')));
    return () => observer.disconnect();
  }, []);

  handle.current = {
    to: (key) => {
      anchor.current = { key, offset: -HEADROOM, end: false, jumped: true };
      again();
      tell(false);
    },
    toEnd: () => {
      anchor.current = { key: '', offset: 0, end: true, jumped: false };
      again();
      tell(true);
    },
    toStart: () => {
      const above = /** @type {HTMLElement|null} */ (box.current?.querySelector(':scope > .measured-head'))?.offsetHeight ?? 0;
      anchor.current = { key: keys[0] ?? '', offset: -above, end: false, jumped: true };
      again();
      tell(false);
    },
    shift: (pixels) => {
      anchor.current = { ...anchor.current, offset: anchor.current.offset + pixels };
      again();
    },
    element: () => box.current,
    top: topKey,
    here,
  };

  return html`<div ref=${box} class=${`measured ${extra}`} tabindex="0" role="region" aria-label=${label} onScroll=${onScroll} onClickCapture=${onOpen}>
    ${head && html`<div class="measured-head">${head}</div>`}
    <div class="measured-space">
      <div class="measured-gap" style=${{ height: `${places[first]}px` }}></div>
      ${rows.slice(first, last).map((row, at) => html`<${Kept} key=${keys[first + at]} id=${keys[first + at]} row=${row} draw=${draw} />`)}
      <div class="measured-gap" style=${{ height: `${places[rows.length] - places[last]}px` }}></div>
    </div>
    ${foot}
  </div>`;
}

/**
 * Draws a row again only if the row or the way to draw it is another one.
 * @template T @param {{id: string, row: T, draw: (row: T) => Children}} props
 */
function Kept({ id, row, draw }) {
  const last = useRef(/** @type {{row: T, draw: (row: T) => Children, node: Children}|null} */ (null));
  if (last.current?.row !== row || last.current.draw !== draw) {
    last.current = { row, draw, node: html`<div class="measured-row" data-key=${id}>${draw(row)}</div>` };
  }
  return last.current.node;
}
