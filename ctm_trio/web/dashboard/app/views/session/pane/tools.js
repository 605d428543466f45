/** Size, wrapping, scrollback and copy for the pane. */
import { html } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { IconButton } from '../../../ui/bits.js';
import { fontSize, historyLines, wrapLines } from './prefs.js';

/** @import { EventOf } from '../../../html.js' */

const HISTORIES = [500, 2000, 10_000];

/** @param {{size: number, onCopy: () => void}} props */
export function PaneTools({ size, onCopy }) {
  const step = (/** @type {number} */ by) => {
    fontSize.value = Math.max(7, Math.min(24, Math.round(size) + by));
  };
  return html`<div class="pane-tools" role="toolbar" aria-label=${t('pane.tools')}>
    <select class="input small" aria-label=${t('pane.history')} value=${historyLines.value}
        onChange=${(/** @type {EventOf<HTMLSelectElement>} */ event) => (historyLines.value = Number(event.target.value))}>
      ${HISTORIES.map((n) => html`<option value=${n}>${t('pane.lines', { n: n.toLocaleString('en') })}</option>`)}
    </select>
    <span class="pane-tools-gap"></span>
    <${IconButton} icon="minus" label=${t('pane.smaller')} onClick=${() => step(-1)} />
    <${IconButton} icon="plus" label=${t('pane.larger')} onClick=${() => step(1)} />
    <${IconButton} icon="fit" label=${t('pane.fit')} aria-pressed=${!fontSize.value && !wrapLines.value}
      onClick=${() => ((fontSize.value = 0), (wrapLines.value = false))} />
    <${IconButton} icon="wrap" label=${t('pane.wrap')} aria-pressed=${wrapLines.value} onClick=${() => (wrapLines.value = !wrapLines.value)} />
    <${IconButton} icon="copy" label=${t('pane.copy')} onClick=${onCopy} />
  </div>`;
}
