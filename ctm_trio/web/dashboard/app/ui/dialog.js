/** Dialogs on the browser's own <dialog>: focus is kept inside, Esc closes, the page behind is inert. */
import { html, useLayoutEffect, useRef, useState } from '../html.js';
import { t } from '../i18n/index.js';
import { IconButton } from './bits.js';

/** @import { Children, EventOf } from '../html.js' */

/** @param {{title: string, onClose: () => void, wide?: boolean, class?: string, children: Children}} props */
export function Dialog({ title, onClose, wide, class: extra = '', children }) {
  const ref = useRef(/** @type {HTMLDialogElement|null} */ (null));
  useLayoutEffect(() => {
    // at once, so that the very next key goes to it
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  const onBackdrop = (/** @type {MouseEvent} */ event) => event.target === ref.current && onClose();
  return html`<dialog ref=${ref} class=${`dialog ${wide ? 'wide' : ''} ${extra}`} aria-label=${title}
      onCancel=${(/** @type {Event} */ event) => (event.preventDefault(), onClose())} onMouseDown=${onBackdrop}>
    <div class="dialog-box">
      <header class="dialog-head">
        <h2>${title}</h2><${IconButton} icon="close" label=${t('actions.close')} onClick=${onClose} />
      </header>
      ${children}
    </div>
  </dialog>`;
}

/**
 * Asks before something that cannot be undone: the user types the name.
 * @param {{title: string, text: string, name: string, action: string, onClose: () => void,
 *   run: (typed: string) => Promise<unknown>}} props
 */
export function ConfirmByName({ title, text, name, action, onClose, run }) {
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (typed !== name || busy) return;
    setBusy(true);
    try {
      await run(typed);
      onClose();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form class="stack" onSubmit=${submit}>
      <p>${text}</p>
      <label class="field"><span>${t('confirm.type', { name })}</span>
        <input class="input mono" autofocus autocomplete="off" autocapitalize="off" spellcheck=${false} value=${typed}
          onInput=${(/** @type {EventOf} */ event) => setTyped(event.target.value)} />
      </label>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      <div class="dialog-actions">
        <button class="button" type="button" onClick=${onClose}>${t('actions.cancel')}</button>
        <button class="button danger" type="submit" disabled=${typed !== name || busy}>${action}</button>
      </div>
    </form>
  <//>`;
}
