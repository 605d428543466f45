/** Tells when the live stream is lost, how stale the page is, and when the next try comes. */
import { html } from '../../html.js';
import { span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { now } from '../../store/clock.js';
import { bannerShown, retryAt, staleMs } from '../../store/connection.js';
import { retryNow } from '../../store/live.js';
import { Icon } from '../../ui/icons.js';

export function Banner() {
  if (!bannerShown.value) return null;
  const wait = retryAt.value - now.value;
  return html`<div class="banner" role="alert">
    <${Icon} name="offline" />
    <p><strong>${t('connection.lost')}.</strong> <span class="stale">${t('connection.stale', { span: span(staleMs.value) })}</span>
      <span class="banner-next" aria-hidden="true"> ${wait > 0 ? t('connection.next', { span: span(wait + 999) }) : t('connection.trying')}</span></p>
    <button class="button small" onClick=${retryNow}>${t('actions.tryNow')}</button>
  </div>`;
}
