/** A text of several lines that grows with what is written. */
import { html, useLayoutEffect, useRef } from '../../html.js';

/** @import { EventOf } from '../../html.js' */

/**
 * @param {{label: string, value: string, onInput: (text: string) => void, hint?: string, mono?: boolean, onEnter?: () => void,
 *   autofocus?: boolean}} props `onEnter`: Ctrl or Command with Enter
 */
export function TextBox({ label, value, onInput, hint, mono, onEnter, autofocus = true }) {
  const box = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  useLayoutEffect(() => {
    if (autofocus) box.current?.focus({ preventScroll: true });
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [value]);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || !onEnter) return;
    event.preventDefault();
    onEnter();
  };
  return html`<label class="field text-box"><span>${label}</span>
    <textarea ref=${box} class=${`input ${mono ? 'mono' : ''}`} rows="2" value=${value} placeholder=${hint} spellcheck=${!mono}
      onKeyDown=${onKey} onInput=${(/** @type {EventOf<HTMLTextAreaElement>} */ event) => onInput(event.target.value)}></textarea></label>`;
}
