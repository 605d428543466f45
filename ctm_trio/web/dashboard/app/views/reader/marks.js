/** Marks a text where it stands in an element, without changing the element: the browser paints the ranges. */
import { useEffect, useRef } from '../../html.js';

const NAME = 'reader-find';
const CURRENT = 'reader-find-current';
/** More marks than this are not seen at once. */
const MOST = 400;

/** The places of a text in the text nodes of an element. @param {Node} root @param {string} wanted lower case @param {number} [most] @returns {Range[]} */
function rangesOf(root, wanted, most = MOST) {
  /** @type {Range[]} */
  const ranges = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && ranges.length < most; node = walker.nextNode()) {
    const text = (node.nodeValue ?? '').toLowerCase();
    if (text.length !== node.nodeValue?.length) continue; // a letter that changes its length: no marks
    for (let at = text.indexOf(wanted); at >= 0 && ranges.length < most; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  return ranges;
}

/**
 * Keeps the marks while the element changes. @param {() => HTMLElement|null} element @param {string} wanted '' for none
 * @param {{at: string}} current the entry that was gone to, another object each time @param {(range: Range) => void} show called once its first mark is there
 */
export function useMarks(element, wanted, current, show) {
  const shown = useRef(/** @type {object|null} */ (null));
  useEffect(() => {
    const root = element();
    if (!root || !wanted || !('highlights' in CSS)) return undefined;
    let frame = 0;
    const mark = () => {
      frame = 0;
      CSS.highlights.set(NAME, new Highlight(...rangesOf(root, wanted)));
      const entry = current.at && root.querySelector(`[data-entry="${CSS.escape(current.at)}"]`);
      const [range] = entry ? rangesOf(entry, wanted, 1) : [];
      if (!range) return CSS.highlights.delete(CURRENT);
      const highlight = new Highlight(range);
      highlight.priority = 1;
      CSS.highlights.set(CURRENT, highlight);
      if (shown.current !== current) show(range);
      shown.current = current;
      return undefined;
    };
    const observer = new MutationObserver(() => {
      frame ||= requestAnimationFrame(mark);
    });
    observer.observe(root, { childList: true, subtree: true, characterData: true });
    mark();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      CSS.highlights.delete(NAME);
      CSS.highlights.delete(CURRENT);
    };
  }, [wanted, current]);
}
