/** The limits in one line, above the list of sessions on a phone, where there is no side bar. */
import { html } from '../../html.js';
import { hourMinute, moment, span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { here } from '../../router.js';
import { nearlyNow } from '../../store/clock.js';
import { forecast, isOver, windowOf } from '../../store/quota-history.js';
import { quota } from '../../store/sessions.js';
import { Icon } from '../../ui/icons.js';
import { useNarrow } from '../../ui/media.js';

export default function SlimQuota() {
  const five = windowOf(quota.value, 'five');
  const weekly = windowOf(quota.value, 'weekly');
  if (!useNarrow() || here.value.path !== '/' || (!five && !weekly)) return null;
  const at = nearlyNow.value;
  const ahead = forecast('five', at);
  return html`<section class="slim-quota num" aria-label=${t('quota.title')}>
    <p class="slim-figures">
      ${five && html`<${Figure} name=${t('quota.fiveShort')} seen=${five} at=${at} reset=${t('quota.resetsShort', { at: hourMinute(five.resets) })} />`}
      ${weekly && html`<${Figure} name=${t('quota.weeklyShort')} seen=${weekly} at=${at} reset=${t('quota.resetsIn', { span: span(weekly.resets - at) })} />`}
    </p>
    ${ahead && !ahead.lasts && html`<p class="limit-ahead" data-tone="warn"><${Icon} name="alert" /><span>${t('quota.ahead.five', { at: hourMinute(ahead.reach) })}</span></p>`}
  </section>`;
}

/** One limit. @param {{name: string, seen: {pct: number, resets: number}, at: number, reset: string}} props `reset`: when it is, in words */
function Figure({ name, seen, at, reset }) {
  if (isOver(seen, at)) {
    return html`<span data-tone="plain">${name} <b>–</b> <span class="muted">${t('quota.wasResetShort', { at: moment(seen.resets, at) })}</span></span>`;
  }
  return html`<span data-tone=${seen.pct >= 80 ? 'warn' : 'plain'}>${name} <b>${seen.pct}%</b>${seen.resets > at && html` <span class="muted">${reset}</span>`}</span>`;
}
