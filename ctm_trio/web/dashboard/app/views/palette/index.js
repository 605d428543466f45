/** The command palette: type a few letters, go to a session or a view, or do something. */
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { closePanel, panel } from '../../store/panels.js';
import { ranked } from '../../store/sessions.js';
import { Icon } from '../../ui/icons.js';
import { entries } from './entries.js';
import { rankEntries } from './match.js';

/** @import { EventOf } from '../../html.js' */

/** Lines shown at most: what is further down is found by typing. */
const SHOWN = 40;

export default function Palette() {
  return panel.value === 'palette' ? html`<${Box} />` : null;
}

function Box() {
  const dialog = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const all = useMemo(entries, [ranked.value.length]); // not with every change: nothing may move under the finger
  const found = useMemo(() => rankEntries(all, text).slice(0, SHOWN), [all, text]);
  useLayoutEffect(() => { // at once, so that the very next key is typed into it
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  useEffect(() => {
    dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at, found]);
  const choose = (/** @type {import('./entries.js').Entry|undefined} */ entry) => {
    if (!entry) return;
    closePanel();
    entry.run();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((old) => (found.length ? (old + step + found.length) % found.length : 0));
    else if (event.key === 'Enter') choose(found[at]);
    else if (event.key === 'k' && (event.ctrlKey || event.metaKey)) closePanel();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<dialog ref=${dialog} class="dialog palette" aria-label=${t('palette.title')} onKeyDown=${onKey}
      onCancel=${(/** @type {Event} */ event) => (event.preventDefault(), closePanel())}
      onMouseDown=${(/** @type {Event} */ event) => event.target === dialog.current && closePanel()}>
    <div class="palette-box">
      <div class="palette-line"><${Icon} name="search" />
        <input class="palette-input" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" autofocus
          autocomplete="off" spellcheck=${false} aria-label=${t('palette.label')} placeholder=${t('palette.hint')} value=${text}
          aria-activedescendant=${found.length ? `palette-${at}` : undefined}
          onInput=${(/** @type {EventOf} */ event) => (setText(event.target.value), setAt(0))} />
        <button class="button small" type="button" onClick=${closePanel}>${t('actions.close')}</button></div>
      <ul class="palette-list" id="palette-list" role="listbox" aria-label=${t('palette.title')}>
        ${found.map((entry, index) => html`<li key=${entry.id} id=${`palette-${index}`} role="option" aria-selected=${index === at}
            onMouseMove=${() => at !== index && setAt(index)} onClick=${() => choose(entry)}>
          <span class="palette-icon" data-tone=${entry.tone ?? 'calm'}><${Icon} name=${entry.icon} /></span>
          <span class="palette-label">${entry.label}</span><span class="palette-note">${entry.note}</span>
          ${entry.keys && html`<span class="palette-keys">${entry.keys.split(' ').map((key) => html`<kbd>${key}</kbd>`)}</span>`}
        </li>`)}
      </ul>
    </div>
  </dialog>`;
}
