/** Clients that nobody watches, and the command that changes it. */
import { html, useEffect } from '../../html.js';
import { t } from '../../i18n/index.js';
import { acceptUnwatched, refreshUnwatched, unwatched } from '../../store/unwatched.js';
import { IconButton } from '../../ui/bits.js';
import { copy } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';

const COMMAND = 'ctm-trio setup --global';

/** Asks for the number whenever the list comes into view. */
export function useUnwatched() {
  useEffect(() => {
    const look = () => {
      if (!document.hidden) refreshUnwatched();
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
}

export function UnwatchedNote() {
  const n = unwatched.value;
  if (!n) return null;
  return html`<p class="unwatched"><${Icon} name="unplugged" />
    <span>${t('unwatched.text', { n })} <code class="mono">${COMMAND}</code> ${t('unwatched.watches', { n })}</span>
    <button class="button small" type="button" aria-label=${t('unwatched.copy')} onClick=${() => copy(COMMAND, COMMAND)}><${Icon} name="copy" />${t('actions.copy')}</button>
    <${IconButton} icon="close" label=${t('unwatched.dismiss')} onClick=${acceptUnwatched} /></p>`;
}
