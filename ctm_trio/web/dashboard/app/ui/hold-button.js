/** A button for what cannot be undone: it has to be held, or pressed twice on the keyboard. */
import { html, useEffect, useRef, useState } from '../html.js';
import { t } from '../i18n/index.js';

/** How long it is held. The style sheet fills it in the same time. */
export const HOLD_MS = 800;
/** The second press has to come within this time. */
export const AGAIN_MS = 2000;

/** @typedef {{class?: string, disabled?: boolean, hint?: string, run: () => void, children: import('../html.js').Children}} Props
 *  `hint`: said in place of what it says of itself */

/** An ordinary button, or one to hold. @param {Props & {hold: boolean}} props */
export function MaybeHold({ hold, ...rest }) {
  if (hold) return html`<${HoldButton} ...${rest} />`;
  return html`<button type="button" class=${rest.class} disabled=${rest.disabled} onClick=${rest.run}>${rest.children}</button>`;
}

/** @param {Props} props */
function HoldButton({ class: name = '', disabled, hint, run, children }) {
  const [state, setState] = useState(/** @type {''|'holding'|'short'|'again'} */ (''));
  const timer = useRef(/** @type {ReturnType<typeof setTimeout>|undefined} */ (undefined));
  useEffect(() => () => clearTimeout(timer.current), []);
  const after = (/** @type {number} */ ms, /** @type {() => void} */ then) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(then, ms);
  };
  const down = (/** @type {PointerEvent} */ event) => {
    if (disabled || event.button) return;
    setState('holding');
    after(HOLD_MS, () => {
      setState('');
      run();
    });
  };
  const up = () => {
    if (state !== 'holding') return;
    setState('short');
    after(AGAIN_MS, () => setState(''));
  };
  const byKey = (/** @type {MouseEvent} */ event) => {
    if (event.detail) return; // a pointer: it has to hold
    if (state === 'again') {
      clearTimeout(timer.current);
      setState('');
      run();
      return;
    }
    setState('again');
    after(AGAIN_MS, () => setState(''));
  };
  return html`<button type="button" class=${`${name} hold`} disabled=${disabled} data-state=${state} onPointerDown=${down} onPointerUp=${up}
      onPointerLeave=${up} onPointerCancel=${up} onContextMenu=${(/** @type {Event} */ event) => event.preventDefault()} onClick=${byKey}>
    <span class="hold-face">${children}</span>
    <small class="hold-hint" role="status">${hint || t(`hold.${state || 'hint'}`)}</small></button>`;
}
