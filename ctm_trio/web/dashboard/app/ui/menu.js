/** A button that opens a short list of actions: arrow keys move, Esc and a click elsewhere close it. */
import { html, useEffect, useRef, useState } from '../html.js';
import { Icon } from './icons.js';

/** @typedef {{icon: string, label: string, run: () => void, danger?: boolean, off?: boolean, note?: string}} Item `note`: why it is off */

/** @param {{label: string, icon?: string, items: Item[]}} props */
export function Menu({ label, icon = 'more', items }) {
  const [open, setOpen] = useState(false);
  const ref = useRef(/** @type {HTMLElement|null} */ (null));
  const button = useRef(/** @type {HTMLButtonElement|null} */ (null));
  useEffect(() => {
    if (!open) return undefined;
    const outside = (/** @type {Event} */ event) => {
      if (!ref.current?.contains(/** @type {Node} */ (event.target))) setOpen(false);
    };
    addEventListener('pointerdown', outside);
    /** @type {HTMLElement|null|undefined} */ (ref.current?.querySelector('[role=menuitem]:not(:disabled)'))?.focus();
    return () => removeEventListener('pointerdown', outside);
  }, [open]);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (!open) return;
    const list = /** @type {HTMLElement[]} */ ([
      ...(ref.current?.querySelectorAll('[role=menuitem]:not(:disabled)') ?? []),
    ]);
    const at = list.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) list[(at + step + list.length) % list.length]?.focus();
    else if (event.key === 'Escape') {
      setOpen(false);
      button.current?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const choose = (/** @type {Item} */ item) => {
    setOpen(false);
    button.current?.focus();
    item.run();
  };
  return html`<span class="menu" ref=${ref} onKeyDown=${onKey}>
    <button ref=${button} class="icon-button" type="button" aria-label=${label} title=${label} aria-haspopup="menu"
      aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name=${icon} /></button>
    ${
      open &&
      html`<div class="menu-list" role="menu" aria-label=${label}>
      ${items.map(
        (item) => html`<button class=${`menu-item ${item.danger ? 'danger' : ''}`} role="menuitem" type="button"
        disabled=${item.off} onClick=${() => choose(item)}><${Icon} name=${item.icon} /><span>${item.label}${item.note && html`<small class="menu-note">${item.note}</small>`}</span></button>`,
      )}
    </div>`
    }
  </span>`;
}
