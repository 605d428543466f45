/** The settings: webhook, thresholds, this browser. Saved without a reload; the streams go on. */
import { api } from '../../client/index.js';
import { html, useEffect, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { toast } from '../../store/toasts.js';
import { Failure, Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { useAnswer } from '../../ui/use-answer.js';
import { Browser } from './browser.js';
import { patchOf, problemsFrom, problemsOf, valuesOf } from './fields.js';
import { Thresholds } from './thresholds.js';
import { Webhook } from './webhook.js';

/** @import { Problems, Put } from './fields.js' */

export default function Settings() {
  const { answer, error, retry } = useAnswer(async (signal) => {
    const [config, webhook] = await Promise.all([api.config({ signal }), api.webhookSettings({ signal })]);
    return { ...config, ...webhook };
  }, []);
  return html`<div class="page narrow-page settings">
    <header class="page-head"><div><h1>${t('settings.title')}</h1><p class="summary">${t('settings.text')}</p></div></header>
    ${error && !answer ? html`<${Failure} error=${error} retry=${retry} />` : !answer ? html`<${Loading} rows=${5} />` : html`<${Form} config=${answer} />`}
    <${Browser} />
  </div>`;
}

/** @param {{config: Parameters<typeof valuesOf>[0]}} props what the daemon said of its settings */
function Form({ config }) {
  const [saved, setSaved] = useState(() => valuesOf(config));
  const [values, setValues] = useState(saved);
  const [problems, setProblems] = useState(/** @type {Problems} */ ({}));
  const [busy, setBusy] = useState(false);
  const patch = patchOf(saved, values);
  /** @type {Put} */
  const set = (key, value) => {
    setValues((old) => ({ ...old, [key]: value }));
    setProblems(({ [key]: _, '': __, ...rest }) => rest);
  };
  useEffect(() => {
    if (!patch) return undefined;
    const warn = (/** @type {Event} */ event) => event.preventDefault(); // leaving the page would lose what was typed
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [patch === null]);
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!patch || busy) return;
    const wrong = problemsOf(values);
    if (Object.keys(wrong).length) return show(wrong);
    setBusy(true);
    try {
      await api.patchConfig(patch);
      const kept = { ...values, webhook_secret: null, has_secret: values.webhook_secret === null ? values.has_secret : Boolean(values.webhook_secret) };
      setSaved(kept);
      setValues(kept);
      toast(t('settings.saved'), 'good');
    } catch (error) {
      show(problemsFrom(/** @type {import('../../client/http.js').ApiError} */ (error), values));
    }
    setBusy(false);
  };
  const show = (/** @type {Problems} */ found) => {
    setProblems(found);
    const first = Object.keys(found)[0];
    if (!first) return;
    requestAnimationFrame(() => { // its words are drawn now, and are to be seen too
      const control = document.getElementById(`set-${first}`);
      control?.focus({ preventScroll: true });
      control?.closest('.field')?.scrollIntoView({ block: 'center' });
    });
  };
  return html`<form class="settings-form" onSubmit=${save} novalidate>
    <${Webhook} values=${values} problems=${problems} set=${set} saved=${saved} />
    <${Thresholds} values=${values} problems=${problems} set=${set} />
    ${(patch || problems['']) && html`<div class="save-bar" role="group" aria-label=${t('settings.unsaved')}>
      ${problems[''] ? html`<p class="save-problem" role="alert"><${Icon} name="error" />${problems['']}</p>` : html`<p>${t('settings.unsaved')}</p>`}
      <button class="button" type="button" onClick=${() => (setValues(saved), setProblems({}))}>${t('settings.discard')}</button>
      <button class="button primary" type="submit" disabled=${busy || !patch}>${t(busy ? 'settings.saving' : 'actions.save')}</button></div>`}
  </form>`;
}
