/** Going on with a conversation: in its own session if that has ended, else in a new one; or with a copy of it. */
import { api, conversations } from '../../client/index.js';
import { html, useState } from '../../html.js';
import { hasText, t } from '../../i18n/index.js';
import { go, sessionPath } from '../../router.js';
import { changeSessions, refresh, sessions } from '../../store/sessions.js';
import { ENDED } from '../../store/status.js';
import { toast } from '../../store/toasts.js';
import { Dialog } from '../../ui/dialog.js';
import { Icon } from '../../ui/icons.js';

/** @import { EventOf } from '../../html.js' */
/** @import { Conversation } from '../../client/types.js' */

/** The session that a conversation is the present one of, and whether it has ended. @param {Conversation} one */
export function ownerOf(one) {
  const session = one.session ? sessions.value.get(one.session) : undefined;
  if (!session || session.uuid !== one.uuid || session.managed === false) return null;
  return { name: session.name, ended: ENDED.has(session.status?.state ?? '') || !session.tmux_alive };
}

/** Starts an ended session again, as its own Resume does. */
export function useResume() {
  return async (/** @type {string} */ name) => {
    try {
      await api.resume(name);
      toast(t('composer.resumed', { name }), 'good');
      go(sessionPath(name, 'conversation'));
      await refresh();
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'bad');
    }
  };
}

/**
 * Resume and Fork, for a menu or as buttons; `note` says why one is off.
 * @param {Conversation} one @param {(dialog: 'resume'|'fork') => void} open
 */
export function useGoOn(one, open) {
  const resume = useResume();
  const owner = ownerOf(one);
  const runs = Boolean(owner && !owner.ended);
  const why = one.resumable ? '' : t(`conversations.whyNot.${one.why_not ?? 'no_transcript'}`);
  return [
    {
      icon: 'forward', label: t('conversations.resume'), off: runs || Boolean(why), note: runs ? t('conversations.whyNot.runs') : why,
      run: () => (owner ? resume(owner.name) : open('resume')),
    },
    { icon: 'fork', label: t('conversations.fork'), off: Boolean(why), note: why, run: () => open('fork') },
  ];
}

const MODES = /** @type {const} */ ([['safe', 'shield'], ['yolo', 'burst']]);

/** @param {{conversation: Conversation, fork: boolean, onClose: () => void}} props */
export function GoOnDialog({ conversation, fork, onClose }) {
  const [name, setName] = useState('');
  const [mode, setMode] = useState('safe');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState({ text: '', session: '' });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const made = await conversations.goOn({ workdir: conversation.cwd, mode, resume: conversation.uuid, fork, ...(name.trim() && { name: name.trim() }) });
      changeSessions((map) => map.set(made.name, made));
      onClose();
      toast(t('create.done', { name: made.name }), 'good');
      go(sessionPath(made.name, 'conversation'));
      refresh();
    } catch (error) {
      setProblem(explain(/** @type {import('../../client/http.js').ApiError} */ (error), name.trim()));
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t(fork ? 'conversations.forkTitle' : 'conversations.resumeTitle')} onClose=${onClose}>
    <form class="stack" onSubmit=${submit} novalidate>
      <p class="muted">${t(fork ? 'conversations.forkText' : 'conversations.resumeText', { dir: conversation.cwd })}</p>
      <fieldset class="choices"><legend>${t('create.mode')}</legend>
        ${MODES.map(([one, icon]) => html`<label class="choice" data-mode=${one}>
          <input type="radio" name="mode" value=${one} checked=${mode === one} onChange=${() => setMode(one)} />
          <${Icon} name=${icon} /><span><b>${t(`create.modes.${one}.word`)}</b><small class="muted">${t(`create.modes.${one}.text`)}</small></span></label>`)}
      </fieldset>
      <div class="field"><label for="go-on-name">${t('create.name')} <small class="muted">${t('create.optional')}</small></label>
        <input id="go-on-name" class="input mono" autofocus autocomplete="off" autocapitalize="off" spellcheck=${false} maxlength="64" placeholder=${t('create.nameHint')}
          value=${name} onInput=${(/** @type {EventOf} */ event) => (setName(event.target.value), setProblem({ text: '', session: '' }))} /></div>
      ${problem.text && html`<p class="problem" role="alert">${problem.text}${problem.session && html` <a href=${sessionPath(problem.session)} onClick=${onClose}>${t('create.open', { name: problem.session })}</a>`}</p>`}
      <div class="dialog-actions"><button class="button" type="button" onClick=${onClose}>${t('actions.cancel')}</button>
        <button class="button primary" type="submit" disabled=${busy}><${Icon} name=${busy ? 'working' : fork ? 'fork' : 'forward'} class=${busy ? 'spin' : ''} />
          ${t(busy ? 'create.busy' : fork ? 'conversations.fork' : 'conversations.resume')}</button></div>
    </form>
  <//>`;
}

/** @param {import('../../client/http.js').ApiError} error @param {string} name what was sent as a name */
function explain(error, name) {
  const key = error.code === 'name_exists' && !name ? 'create.errors.works_there' : [`conversations.errors.${error.code}`, `create.errors.${error.code}`].find(hasText);
  const text = error.unreachable ? t('errors.unreachable') : key ? t(key) : error.message;
  return { text, session: error.body.session?.name ?? '' };
}
