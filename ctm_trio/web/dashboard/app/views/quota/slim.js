/** The limits in one line, above the list of sessions on a phone, where there is no side bar. */
import { html } from '../../html.js';
import { hourMinute, span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { here } from '../../router.js';
import { now } from '../../store/clock.js';
import { forecast, windowOf } from '../../store/quota-history.js';
import { quota } from '../../store/sessions.js';
import { Icon } from '../../ui/icons.js';
import { useNarrow } from '../../ui/media.js';

export default function SlimQuota() {
  const five = windowOf(quota.value, 'five');
  const weekly = windowOf(quota.value, 'weekly');
  if (!useNarrow() || here.value.path !== '/' || (!five && !weekly)) return null;
  const at = now.value;
  const ahead = forecast('five', at);
  return html`<section class="slim-quota num" aria-label=${t('quota.title')}>
    <p class="slim-figures">
      ${five && html`<span data-tone=${five.pct >= 80 ? 'warn' : 'plain'}>${t('quota.fiveShort')} <b>${five.pct}%</b>
        ${five.resets > at && html` <span class="muted">${t('quota.resetsShort', { at: hourMinute(five.resets) })}</span>`}</span>`}
      ${weekly && html`<span data-tone=${weekly.pct >= 80 ? 'warn' : 'plain'}>${t('quota.weeklyShort')} <b>${weekly.pct}%</b>
        ${weekly.resets > at && html` <span class="muted">${t('quota.resetsIn', { span: span(weekly.resets - at) })}</span>`}</span>`}
    </p>
    ${ahead && !ahead.lasts && html`<p class="limit-ahead" data-tone="warn"><${Icon} name="alert" /><span>${t('quota.ahead.five', { at: hourMinute(ahead.reach) })}</span></p>`}
  </section>`;
}
