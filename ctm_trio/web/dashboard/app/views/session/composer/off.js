/** Why nothing can be said to a session, and what to do about it. */
import { api } from '../../../client/index.js';
import { html, useState } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { ENDED } from '../../../store/status.js';
import { refresh } from '../../../store/sessions.js';
import { toast } from '../../../store/toasts.js';
import { Icon } from '../../../ui/icons.js';
import { Attach } from '../../answer/attach.js';

/** @import { SessionView } from '../../../client/types.js' */

/** "" if it can be talked to. @param {SessionView} session @returns {''|'ended'|'elsewhere'} */
export function offReason(session) {
  if (ENDED.has(session.status?.state ?? '')) return 'ended';
  return session.can_type === false ? (session.managed === false ? 'elsewhere' : 'ended') : '';
}

/** @param {{session: SessionView, reason: 'ended'|'elsewhere'}} props */
export function Off({ session, reason }) {
  return html`<div class="composer-off"><${Icon} name=${reason === 'ended' ? 'ended' : 'unplugged'} />
    <p>${t(`composer.off.${reason === 'ended' && session.managed === false ? 'endedElsewhere' : reason}`)}</p>
    ${session.managed !== false && (reason === 'ended' ? html`<${Resume} name=${session.name} />` : html`<${Attach} session=${session.name} />`)}</div>`;
}

/** @param {{name: string}} props */
function Resume({ name }) {
  const [busy, setBusy] = useState(false);
  const resume = async () => {
    setBusy(true);
    try {
      await api.resume(name);
      toast(t('composer.resumed', { name }), 'good');
      await refresh();
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'bad');
    } finally {
      setBusy(false);
    }
  };
  return html`<button class="button" type="button" disabled=${busy} onClick=${resume}>${t(busy ? 'composer.resuming' : 'composer.resume')}</button>`;
}
