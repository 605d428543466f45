/** Where the focus goes when the element that has it goes. */
import { useLayoutEffect, useRef } from '../html.js';

/** The last heading of the view before an element. @param {Element} element @returns {HTMLElement|undefined} */
function headingBefore(element) {
  const headings = element.closest('#content')?.querySelectorAll('h1, h2, h3') ?? [];
  const isBefore = (/** @type {Element} */ one) => one.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
  return /** @type {HTMLElement|undefined} */ ([...headings].filter(isBefore).pop());
}

/**
 * For an element that its own button takes away. The focus would be on nothing then, and the Tab key would begin at the
 * top of the page; instead the heading before the element gets it.
 * @returns {{current: HTMLElement|null}} the ref of the element
 */
export function useFocusLeft() {
  const ref = useRef(/** @type {HTMLElement|null} */ (null));
  useLayoutEffect(() => {
    const element = ref.current;
    return () => {
      if (!element?.contains(document.activeElement)) return;
      const heading = headingBefore(element);
      heading?.setAttribute('tabindex', '-1');
      heading?.focus({ preventScroll: true });
    };
  }, []);
  return ref;
}

/**
 * Gives an element the focus for the keys that scroll it, unless something else has it. Nothing moves, and no ring is
 * drawn: nobody went there. @param {HTMLElement|null|undefined} element
 */
export function takeFocus(element) {
  const has = document.activeElement;
  if (!element || (has && has !== document.body && has.id !== 'content')) return;
  element.dataset.quiet = '';
  element.addEventListener('blur', () => delete element.dataset.quiet, { once: true });
  element.focus({ preventScroll: true });
}
