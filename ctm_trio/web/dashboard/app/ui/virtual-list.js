/**
 * A list that draws only what is seen: rows of one height, thousands of them. It shows `rows` in order; new rows may come
 * at the front. While the reader is at the top they appear at once; else `onAway` is told, and the caller keeps
 * `rows` as they were (`frozen`) so that nothing moves under the reader's eyes.
 */
import { html, useEffect, useLayoutEffect, useRef, useState } from '../html.js';

/** @import { Children, EventOf } from '../html.js' */

/** Rows drawn beyond each edge. */
const OVERSCAN = 8;
/** The end is near when fewer rows than this are left. */
const NEAR_END = 30;

/**
 * @template T
 * @param {{rows: T[], rowHeight: number, keyOf: (row: T) => string, draw: (row: T) => Children, label: string,
 *   onTop?: (atTop: boolean) => void, onEnd?: () => void, scrollTo?: {index: number, token: unknown}, foot?: Children,
 *   class?: string}} props
 *   `onEnd` is called when the last rows come into view. `scrollTo` brings a row into view, once per token.
 */
export function VirtualList({ rows, rowHeight, keyOf, draw, label, onTop, onEnd, scrollTo, foot, class: extra = '' }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const [view, setView] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !scrollTo || scrollTo.index < 0) return;
    const top = scrollTo.index * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = Math.max(0, top - element.clientHeight / 2);
    }
  }, [scrollTo?.token]);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  useEffect(() => {
    if (rows.length - last < NEAR_END) onEnd?.();
  }, [last, rows.length]);
  const onScroll = (/** @type {EventOf<HTMLElement>} */ event) => {
    const { scrollTop, clientHeight } = event.currentTarget;
    onTop?.(scrollTop < rowHeight / 2);
    setView({ top: scrollTop, height: clientHeight });
  };
  return html`<div ref=${box} class=${`virtual ${extra}`} tabindex="0" role="region" aria-label=${label} onScroll=${onScroll}>
    <div class="virtual-space" style=${{ height: `${rows.length * rowHeight}px` }}>
      <div class="virtual-window" role="list" style=${{ transform: `translateY(${first * rowHeight}px)` }}>
        ${rows.slice(first, last).map((row) => html`<${Kept} key=${keyOf(row)} row=${row} draw=${draw} />`)}
      </div>
    </div>
    ${foot}
  </div>`;
}

/**
 * Draws a row again only if the row or the way to draw it is another one.
 * @template T @param {{row: T, draw: (row: T) => Children}} props
 */
function Kept({ row, draw }) {
  const last = useRef(/** @type {{row: T, draw: (row: T) => Children, node: Children}|null} */ (null));
  if (last.current?.row !== row || last.current.draw !== draw) last.current = { row, draw, node: draw(row) };
  return last.current.node;
}
