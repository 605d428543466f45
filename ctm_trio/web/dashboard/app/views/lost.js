/** An address that leads nowhere. */
import { html } from '../html.js';
import { t } from '../i18n/index.js';
import { Empty } from '../ui/bits.js';

export default function Lost() {
  return html`<${Empty} icon="search" title=${t('lost.title')} text=${t('lost.text')}>
    <a class="button" href="/">${t('lost.home')}</a>
  <//>`;
}
