/** Rename, kill and forget, each with its dialog. */
import { api } from '../../client/index.js';
import { html, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { go, here, match, sessionPath } from '../../router.js';
import { renameActivity } from '../../store/activity.js';
import { refreshRequests } from '../../store/requests.js';
import { changeSessions, refresh, sessions } from '../../store/sessions.js';
import { toast } from '../../store/toasts.js';
import { ConfirmByName, Dialog } from '../../ui/dialog.js';

/** @import { EventOf } from '../../html.js' */

/** What the daemon takes as a name. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$/;

/** The words to type in a terminal: the command knows the sessions' tmux server and starts what has ended. @param {string} name */
export const attachCommand = (name) => `ctm-trio attach ${/^\w[\w.-]*$/.test(name) ? name : `-- '${name.replaceAll("'", "'\\''")}'`}`;

/** The address of this session's page, if it is still the page that is seen: orders take time. @param {string} name */
function viewed(name) {
  const params = match('/s/:name/:tab?/:rest?', here.value.path);
  return params?.name === name ? params : null;
}

/** @param {{session: import('../../client/types.js').SessionView, open: string, onClose: () => void}} props */
export function SessionDialogs({ session, open, onClose }) {
  const { name } = session;
  if (open === 'rename') return html`<${Rename} name=${name} onClose=${onClose} />`;
  if (open === 'kill') {
    return html`<${ConfirmByName} title=${t('session.killTitle')} text=${t('session.killText', { name })} name=${name}
      action=${t('session.kill')} onClose=${onClose} run=${async (/** @type {string} */ typed) => {
        await api.kill(name, typed);
        toast(t('session.killed', { name }), 'good');
        await refresh();
      }} />`;
  }
  if (open === 'forget') {
    return html`<${ConfirmByName} title=${t('session.forgetTitle')} text=${t('session.forgetText', { name })} name=${name}
      action=${t('session.forget')} onClose=${onClose} run=${async (/** @type {string} */ typed) => {
        await api.forget(name, typed);
        toast(t('session.forgotten', { name }), 'good');
        await refresh();
        if (viewed(name)) go('/');
      }} />`;
  }
  return null;
}

/** @param {{name: string, onClose: () => void}} props */
function Rename({ name, onClose }) {
  const [to, setTo] = useState(name);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const taken = to !== name && sessions.value.has(to);
  const usable = NAME.test(to) && to !== name && !taken;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!usable || busy) return;
    setBusy(true);
    try {
      const session = await api.rename(name, to);
      renameActivity(name, to);
      changeSessions((map) => {
        map.delete(name);
        map.set(to, session);
      });
      refreshRequests(); // they have the new name
      const seen = viewed(name);
      if (seen) go(sessionPath(to, seen.tab), { replace: true });
      toast(t('session.renamed', { to }), 'good');
      onClose();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t('session.renameTitle', { name })} onClose=${onClose}>
    <form class="stack" onSubmit=${submit}>
      <label class="field"><span>${t('session.newName')}</span>
        <input class="input mono" autofocus autocomplete="off" autocapitalize="off" spellcheck=${false} value=${to}
          onInput=${(/** @type {EventOf} */ event) => setTo(event.target.value)} />
        <small class="muted">${taken ? t('session.nameTaken') : t('session.nameRule')}</small>
      </label>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      <div class="dialog-actions">
        <button class="button" type="button" onClick=${onClose}>${t('actions.cancel')}</button>
        <button class="button primary" type="submit" disabled=${!usable || busy}>${t('session.rename')}</button>
      </div>
    </form>
  <//>`;
}
