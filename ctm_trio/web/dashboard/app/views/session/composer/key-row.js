/** Single keys for the terminal, for what no sheet shows. */
import { talk } from '../../../client/index.js';
import { html, useState } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { toast } from '../../../store/toasts.js';

/** Name on the wire, what the button shows. */
const KEYS = /** @type {const} */ ([
  ['Escape', 'Esc'], ['Up', '↑'], ['Down', '↓'], ['Left', '←'], ['Right', '→'], ['Tab', '⇥'], ['BTab', '⇤'], ['1', '1'], ['2', '2'], ['3', '3'], ['Enter', '⏎'],
]);

/** @param {{name: string}} props */
export function KeyRow({ name }) {
  const [busy, setBusy] = useState(false);
  const press = async (/** @type {string} */ key) => {
    setBusy(true);
    try {
      await talk.keys(name, [key]);
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'bad');
    } finally {
      setBusy(false);
    }
  };
  return html`<div class="composer-keys" role="group" aria-label=${t('composer.keys')}>${KEYS.map(
    ([key, face]) => html`<button key=${key} class="button small mono" type="button" disabled=${busy} aria-label=${t(`composer.key.${key}`)}
      title=${t(`composer.key.${key}`)} onClick=${() => press(key)}>${face}</button>`,
  )}</div>`;
}
