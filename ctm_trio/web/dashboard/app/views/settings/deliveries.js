/** A test of the webhook, and what became of the last messages. */
import { api } from '../../client/index.js';
import { html, useEffect, useRef, useState } from '../../html.js';
import { hourMinute, took } from '../../i18n/format.js';
import { hasText, t } from '../../i18n/index.js';
import { Age, Loading, OutOfDate } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { useAnswer } from '../../ui/use-answer.js';

const EVERY_MS = 10_000;
const FIRST = 5;
const LOOK = {
  delivered: { icon: 'check', tone: 'good' }, failed: { icon: 'error', tone: 'bad' }, pending: { icon: 'hourglass', tone: 'warn' },
};

/** @param {{ready: boolean, changed: boolean}} props `changed`: what is on the page is not what the daemon uses yet */
export function TestButton({ ready, changed }) {
  const [state, setState] = useState({ busy: false, tone: '', text: '' });
  const send = async () => {
    setState({ busy: true, tone: '', text: '' });
    try {
      setState({ busy: false, ...verdict(await api.webhookTest()) });
    } catch (error) {
      const { unreachable, message } = /** @type {import('../../client/http.js').ApiError} */ (error);
      setState({ busy: false, tone: 'bad', text: unreachable ? t('errors.unreachable') : t('settings.testFailed', { text: message }) });
    }
  };
  return html`<div class="test-line">
    <button class="button" type="button" disabled=${!ready || changed || state.busy} onClick=${send}><${Icon} name="send" />${t(state.busy ? 'settings.testing' : 'settings.test')}</button>
    <p role="status" data-tone=${state.tone || 'calm'}>${changed ? html`<span class="muted">${t('settings.testSave')}</span>`
      : state.text && html`<span class="verdict"><${Icon} name=${state.tone === 'good' ? 'check' : 'error'} />${state.text}</span>`}</p></div>`;
}

/** @param {{status?: number|null, error?: string, took_ms?: number}} answer what the address said */
function verdict({ status, error = '', took_ms = 0 }) {
  if (!status) return { tone: 'bad', text: t('settings.testFailed', { text: error }) };
  if (status >= 200 && status < 300) return { tone: 'good', text: t('settings.testOk', { status, took: took(took_ms) }) };
  return { tone: 'bad', text: t('settings.testBad', { status, text: error }) };
}

/** @param {{ready: boolean}} props */
export function Deliveries({ ready }) {
  const { answer, at, error, retry } = useAnswer((signal) => api.webhookDeliveries({ signal }), [], { every: EVERY_MS });
  const asked = useRef(ready);
  useEffect(() => {
    if (asked.current === ready) return; // the first answer is on its way
    asked.current = ready;
    retry(); // no input of the request: what was delivered before stays on the page
  }, [ready, retry]);
  const [all, setAll] = useState(false);
  const list = answer?.deliveries ?? [];
  if (!ready && !list.length) return null;
  const shown = all ? list : list.slice(0, FIRST);
  return html`<section class="deliveries" aria-labelledby="set-deliveries"><h3 id="set-deliveries">${t('settings.deliveries')}</h3>
    ${answer && html`<${OutOfDate} error=${error} at=${at} retry=${retry} />`}
    ${!answer ? error ? html`<p class="muted">${t('settings.deliveriesFailed')}</p>` : html`<${Loading} rows=${2} />`
      : !list.length ? html`<p class="muted">${t('settings.deliveriesNone')}</p>`
      : html`<ul class="rows">${shown.map((one) => html`<${Row} key=${one.id} one=${one} />`)}</ul>`}
    ${list.length > shown.length && html`<button class="button small" type="button" onClick=${() => setAll(true)}>${t('settings.showAll', { n: list.length })}</button>`}
  </section>`;
}

/** @param {{one: import('../../client/types.js').Delivery}} props */
function Row({ one }) {
  const look = LOOK[one.status] ?? LOOK.pending;
  const state = hasText(`state.${one.alert}.word`) ? t(`state.${one.alert}.word`) : one.alert === 'test' ? t('settings.delivery.test') : one.alert;
  const ended = one.event === 'attention_cleared' ? t('settings.over') : '';
  return html`<li class=${`delivery ${one.status === 'delivered' && one.tries < 2 ? 'well' : ''}`}>
    <span class="badge" data-tone=${look.tone}><${Icon} name=${look.icon} />${t(`settings.delivery.${one.status}`)}</span>
    <span class="delivery-what"><b>${one.session}</b> ${state} ${ended}</span>
    <span class="delivery-how muted">${how(one)}</span>
    <span class="muted num delivery-when"><${Age} at=${one.created_at} /></span></li>`;
}

/** What came back, how often it was tried, and when it is tried again. @param {import('../../client/types.js').Delivery} one */
function how(one) {
  const waits = one.status === 'pending';
  const parts = [
    one.last_status, one.last_error, (one.tries > 1 || (waits && one.tries)) && t('settings.tries', { n: one.tries }),
    waits && one.next_try_at && t('settings.nextTry', { at: hourMinute(one.next_try_at) }),
  ];
  return parts.filter(Boolean).join(' · ');
}
