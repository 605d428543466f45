/** When a session is said to need you. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { control, Field } from './field.js';
import { THRESHOLDS } from './fields.js';

/** @import { EventOf } from '../../html.js' */
/** @import { Problems, Put, Values } from './fields.js' */

/** @param {{values: Values, problems: Problems, set: Put}} props */
export function Thresholds({ values, problems, set }) {
  return html`<section class="card" aria-labelledby="set-thresholds"><h2 id="set-thresholds">${t('settings.thresholds')}</h2>
    <p class="muted">${t('settings.thresholdsText')}</p>
    <div class="threshold-grid">${THRESHOLDS.map(({ key, unit, top }) => html`<${Field} key=${key} name=${key} label=${t(`settings.limits.${key}.label`)}
        hint=${t(`settings.limits.${key}.hint`)} problem=${problems[key]}>
      <span class="with-unit"><input class="input num" inputmode="numeric" pattern="[0-9]*" maxlength=${String(top).length} autocomplete="off"
        value=${values[key]} onInput=${(/** @type {EventOf} */ event) => set(key, event.target.value)} ...${control(key, problems[key])} />
        <span class="muted">${t(`settings.units.${unit}`)}</span></span>
    <//>`)}</div></section>`;
}
