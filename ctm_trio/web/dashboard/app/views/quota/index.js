/** The account's limits: how much is used, when they reset, and whether they last. At the foot of the side bar. */
import { html } from '../../html.js';
import { dayAndTime, moment, span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { nearlyNow } from '../../store/clock.js';
import { forecast, isOver, windowOf } from '../../store/quota-history.js';
import { quota } from '../../store/sessions.js';
import { Icon } from '../../ui/icons.js';

/** @import { Forecast, Kind, Seen } from '../../store/quota-history.js' */

const KINDS = /** @type {const} */ (['five', 'weekly']);

export default function QuotaStrip() {
  const known = KINDS.map((kind) => ({ kind, seen: windowOf(quota.value, kind) })).filter((one) => one.seen);
  if (!known.length) return null;
  return html`<section class="quota" aria-label=${t('quota.title')}>
    ${known.map(({ kind, seen }) => html`<${Limit} key=${kind} kind=${kind} seen=${seen} />`)}
  </section>`;
}

/** @param {{kind: Kind, seen: Seen}} props */
function Limit({ kind, seen }) {
  const at = nearlyNow.value;
  if (isOver(seen, at)) return html`<${Over} kind=${kind} seen=${seen} at=${at} />`;
  const ahead = forecast(kind, at);
  const tone = toneOf(seen.pct, ahead);
  return html`<div class="limit" data-tone=${tone}>
    <p class="limit-head"><span>${t(`quota.${kind}`)}</span><b class="num">${seen.pct}%</b></p>
    <svg class="limit-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="gauge-track" width="100" height="6" /><rect class="gauge-fill" width=${Math.min(100, seen.pct)} height="6" /></svg>
    ${seen.resets > at && html`<p class="limit-reset muted" title=${dayAndTime(seen.resets)}>${t('quota.resets', { at: moment(seen.resets, at), span: span(seen.resets - at) })}</p>`}
    <${Outlook} kind=${kind} seen=${seen} ahead=${ahead} at=${at} />
  </div>`;
}

/** A limit that was reset since the figure was seen. @param {{kind: Kind, seen: Seen, at: number}} props */
function Over({ kind, seen, at }) {
  return html`<div class="limit">
    <p class="limit-head"><span>${t(`quota.${kind}`)}</span><b class="num muted">–</b></p>
    <p class="limit-reset muted" title=${dayAndTime(seen.resets)}>${t('quota.wasReset', { at: moment(seen.resets, at) })}</p>
  </div>`;
}

/** What the rate leads to, in a sentence. @param {{kind: Kind, seen: Seen, ahead: Forecast|null, at: number}} props */
function Outlook({ kind, seen, ahead, at }) {
  if (seen.pct >= 100) return html`<p class="limit-ahead"><${Icon} name="alert" />${t('quota.reached')}</p>`;
  if (!ahead) return null;
  if (ahead.lasts) return html`<p class="limit-ahead calm">${t('quota.lasts')}</p>`;
  return html`<p class="limit-ahead" title=${t(`quota.basis.${ahead.basis}.${kind}`)}><${Icon} name="alert" />
    <span>${t(`quota.ahead.${kind}`, { at: moment(ahead.reach, at) })}</span></p>`;
}

/** @param {number} pct @param {{lasts: boolean}|null} ahead */
function toneOf(pct, ahead) {
  if (pct >= 90) return 'bad';
  return pct >= 80 || (ahead && !ahead.lasts) ? 'warn' : 'plain';
}
