/** The webhook: where alerts are sent, how, a test, and what became of the last ones. */
import { html, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { Deliveries, TestButton } from './deliveries.js';
import { control, Field } from './field.js';
import { changedOf, EVENTS, FORMATS } from './fields.js';

/** @import { EventOf } from '../../html.js' */
/** @import { Problems, Put, Values } from './fields.js' */

/** @param {{values: Values, saved: Values, problems: Problems, set: Put}} props */
export function Webhook({ values, saved, problems, set }) {
  const text = (/** @type {'webhook_url'|'webhook_auth'|'webhook_secret'} */ key) => ({
    value: values[key] ?? '', autocomplete: 'off', spellcheck: false, autocapitalize: 'off',
    onInput: (/** @type {EventOf} */ event) => set(key, event.target.value), ...control(key, problems[key]),
  });
  const ready = Boolean(saved.webhook_url);
  const changed = changedOf(saved, values).some((key) => key.startsWith('webhook_'));
  return html`<section class="card" aria-labelledby="set-webhook"><h2 id="set-webhook">${t('settings.webhook')}</h2>
    <p class="muted">${t('settings.webhookText')}</p>
    <div class="stack settings-fields">
      <${Field} name="webhook_url" label=${t('settings.url')} hint=${t('settings.urlHint')} problem=${problems.webhook_url}>
        <input class="input mono" type="url" inputmode="url" placeholder="https://…" ...${text('webhook_url')} /><//>
      <div class="two-fields">
        <${Field} name="webhook_auth" label=${t('settings.auth')} hint=${t('settings.authHint')} problem=${problems.webhook_auth}>
          <${Secret} ...${text('webhook_auth')} /><//>
        <${Field} name="webhook_secret" label=${t('settings.secret')} hint=${t('settings.secretHint')} problem=${problems.webhook_secret}>
          <span class="input-row"><input class="input mono" type="password" ...${text('webhook_secret')}
              placeholder=${values.has_secret && values.webhook_secret === null ? t('settings.secretKept') : ''} />
            ${values.has_secret && html`<button class="button" type="button" aria-pressed=${values.webhook_secret === ''}
              onClick=${() => set('webhook_secret', values.webhook_secret === '' ? null : '')}>${t('settings.secretRemove')}</button>`}</span><//>
      </div>
      <div class="two-fields">
        <${Field} name="webhook_format" label=${t('settings.format')} hint=${t(`settings.formatHints.${values.webhook_format}`)} problem=${problems.webhook_format}>
          <select class="input" value=${values.webhook_format} onChange=${(/** @type {EventOf<HTMLSelectElement>} */ event) => set('webhook_format', event.target.value)} ...${control('webhook_format', problems.webhook_format)}>
            ${FORMATS.map((one) => html`<option value=${one}>${t(`settings.formats.${one}`)}</option>`)}</select><//>
        <${Events} chosen=${values.webhook_events ?? []} problem=${problems.webhook_events} set=${(/** @type {string[]} */ list) => set('webhook_events', list)} />
      </div>
    </div>
    ${(ready || changed) && html`<${TestButton} ready=${ready} changed=${changed} />`}
    <${Deliveries} ready=${ready} />
  </section>`;
}

/** A value that is hidden until it is asked for. @param {Record<string, unknown>} props the attributes of its input */
function Secret(props) {
  const [shown, setShown] = useState(false);
  return html`<span class="input-row"><input class="input mono" type=${shown ? 'text' : 'password'} ...${props} autocomplete="off" />
    <button class="button" type="button" aria-pressed=${shown} onClick=${() => setShown(!shown)}>${t(shown ? 'auth.hide' : 'auth.show')}</button></span>`;
}

/** @param {{chosen: string[], problem?: string, set: (list: string[]) => void}} props */
function Events({ chosen, problem, set }) {
  return html`<fieldset class="field" id="set-webhook_events" tabindex="-1"><legend>${t('settings.events')}</legend>
    ${EVENTS.map((one) => html`<label class="check"><input type="checkbox" checked=${chosen.includes(one)}
      onChange=${(/** @type {EventOf} */ event) => set(EVENTS.filter((other) => (other === one ? event.target.checked : chosen.includes(other))))} />
      <span>${t(`settings.eventNames.${one}`)}</span></label>`)}
    ${problem && html`<small class="field-problem" role="alert">${problem}</small>`}</fieldset>`;
}
