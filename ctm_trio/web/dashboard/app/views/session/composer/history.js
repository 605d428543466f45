/** What was said before, with the arrow keys: up at the beginning of the text, down at its end. */
import { useRef } from '../../../html.js';
import { prompts } from '../../../store/prompts.js';

/**
 * @param {string} session @param {string} text what is in the box @param {(text: string) => void} put
 * @param {{current: HTMLTextAreaElement|null}} box
 */
export function useHistory(session, text, put, box) {
  /** How far back it is, and what was in the box before. */
  const state = useRef({ back: 0, draft: '' });
  const said = () => [...new Set((prompts.peek().get(session) ?? []).map((one) => one.text).reverse())];
  const reset = () => (state.current = { back: 0, draft: '' });
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const element = box.current;
    if (!element || event.shiftKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return false;
    const up = event.key === 'ArrowUp';
    const { back, draft } = state.current;
    // Within a text of several lines the arrows move the caret.
    if (up ? element.selectionEnd !== 0 && back === 0 && text !== '' : back === 0) return false;
    const list = said();
    const to = back + (up ? 1 : -1);
    if (to > list.length) return false;
    state.current = { back: to, draft: back === 0 ? text : draft };
    put(to === 0 ? state.current.draft : list[to - 1]);
    event.preventDefault();
    return true;
  };
  return { onKey, reset };
}
