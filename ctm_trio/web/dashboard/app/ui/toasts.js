/** The corner where short messages appear. */
import { html } from '../html.js';
import { t } from '../i18n/index.js';
import { dismiss, toasts } from '../store/toasts.js';
import { IconButton } from './bits.js';
import { Icon } from './icons.js';

const ICONS = { good: 'check', bad: 'alert', plain: 'meta' };

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      (one) => html`<div key=${one.id} class="toast" data-tone=${one.tone}>
      <${Icon} name=${ICONS[one.tone]} /><span>${one.text}</span>
      <${IconButton} icon="close" label=${t('actions.close')} onClick=${() => dismiss(one.id)} />
    </div>`,
    )}
  </div>`;
}
