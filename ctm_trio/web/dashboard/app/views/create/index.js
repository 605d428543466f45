/** A new session: where, under which name, with which permissions, and what to say first. */
import { api } from '../../client/index.js';
import { html, useState } from '../../html.js';
import { hasText, t } from '../../i18n/index.js';
import { go, sessionPath } from '../../router.js';
import { closePanel, panel } from '../../store/panels.js';
import { remembered } from '../../store/prefs.js';
import { changeSessions, refresh, sessions } from '../../store/sessions.js';
import { toast } from '../../store/toasts.js';
import { Dialog } from '../../ui/dialog.js';
import { Icon } from '../../ui/icons.js';
import { recentDirs, rememberDir } from './recent.js';

/** @import { EventOf } from '../../html.js' */

/** @typedef {'safe'|'yolo'} Mode */
/** @typedef {{workdir: string, name: string, prompt: string}} Values what is typed */

const lastMode = remembered('create.mode', /** @type {Mode} */ ('safe'));
/** With their icons. */
const MODES = /** @type {const} */ ([['safe', 'shield'], ['yolo', 'burst']]);
/** The daemon takes a body of this many bytes, as JSON: quotes and line breaks are two each there. */
const BODY_BYTES = 4096;
/** Which field an error of the daemon belongs to. @type {Record<string, string>} */
const FIELD_OF = {
  workdir_not_absolute: 'workdir', workdir_not_dir: 'workdir', bad_workdir: 'workdir', bad_name: 'name', name_exists: 'name',
};

export default function Create() {
  if (panel.value !== 'create') return null;
  return html`<${Dialog} title=${t('create.title')} class="create" onClose=${closePanel}><${Form} /><//>`;
}

/** What is sent. Without a name the daemon names the session after the directory.
 *  @param {Values} values @param {Mode} mode */
function bodyOf({ workdir, name, prompt }, mode) {
  return { workdir: workdir.trim(), mode, ...(name.trim() && { name: name.trim() }), ...(prompt.trim() && { initial_prompt: prompt }) };
}

function Form() {
  const [values, setValues] = useState({ workdir: '', name: '', prompt: '' });
  const [mode, setMode] = useState(lastMode.value);
  const [problem, setProblem] = useState({ field: '', text: '', session: '' });
  const [busy, setBusy] = useState(false);
  const put = (/** @type {keyof Values} */ key, /** @type {string} */ value) => {
    setValues((old) => ({ ...old, [key]: value }));
    setProblem({ field: '', text: '', session: '' });
  };
  const set = (/** @type {keyof Values} */ key) => (/** @type {EventOf} */ event) => put(key, event.target.value);
  const body = bodyOf(values, mode);
  const tooLong = new TextEncoder().encode(JSON.stringify(body)).length - BODY_BYTES;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy || tooLong > 0) return;
    const { workdir, name = '' } = body;
    if (!workdir.startsWith('/')) return setProblem({ field: 'workdir', text: t('create.errors.workdir_not_absolute'), session: '' });
    setBusy(true);
    try {
      const made = await api.create(body);
      lastMode.value = mode;
      rememberDir(workdir);
      changeSessions((map) => map.set(made.name, made));
      closePanel();
      toast(t('create.done', { name: made.name }), 'good');
      go(sessionPath(made.name, 'pane'));
      refresh();
    } catch (error) {
      setProblem(explain(/** @type {import('../../client/http.js').ApiError} */ (error), name));
      setBusy(false);
    }
  };
  const at = (/** @type {string} */ field) => problem.field === field && html`<small class="field-problem" id=${`create-${field}-problem`} role="alert">
    <${Icon} name="error" /><span>${problem.text}${problem.session && html` <a href=${sessionPath(problem.session)} onClick=${closePanel}>${t('create.open', { name: problem.session })}</a>`}</span></small>`;
  const bad = (/** @type {string} */ field) => (problem.field === field || (field === 'prompt' && tooLong > 0) ? { 'aria-invalid': 'true', 'aria-describedby': `create-${field}-problem` } : {});
  return html`<form class="stack" onSubmit=${submit} novalidate>
    <div class="field"><label for="create-workdir">${t('create.workdir')}</label>
      <input id="create-workdir" class="input mono" autofocus autocomplete="off" autocapitalize="off" spellcheck=${false} placeholder="/home/…"
        value=${values.workdir} onInput=${set('workdir')} ...${bad('workdir')} />
      ${at('workdir') || html`<small class="muted">${t('create.workdirHint')}</small>`}
      <${Recent} chosen=${values.workdir} choose=${(/** @type {string} */ dir) => put('workdir', dir)} /></div>
    <fieldset class="choices"><legend>${t('create.mode')}</legend>
      ${MODES.map(([one, icon]) => html`<label class="choice" data-mode=${one}>
        <input type="radio" name="mode" value=${one} checked=${mode === one} onChange=${() => setMode(one)} />
        <${Icon} name=${icon} /><span><b>${t(`create.modes.${one}.word`)}</b><small class="muted">${t(`create.modes.${one}.text`)}</small></span></label>`)}
    </fieldset>
    <div class="field"><label for="create-name">${t('create.name')} <small class="muted">${t('create.optional')}</small></label>
      <input id="create-name" class="input mono" autocomplete="off" autocapitalize="off" spellcheck=${false} maxlength="64"
        placeholder=${t('create.nameHint')} value=${values.name} onInput=${set('name')} ...${bad('name')} />
      ${at('name')}</div>
    <div class="field"><label for="create-prompt">${t('create.prompt')} <small class="muted">${t('create.optional')}</small></label>
      <textarea id="create-prompt" class="input" rows="3" placeholder=${t('create.promptHint')} value=${values.prompt} onInput=${set('prompt')} ...${bad('prompt')}></textarea>
      ${tooLong > 0 && html`<small class="field-problem" id="create-prompt-problem"><${Icon} name="error" />
        <span><span role="alert">${t('create.tooLong')}</span> ${t('create.tooLongBy', { n: tooLong })}</span></small>`}</div>
    ${problem.field === 'all' && html`<p class="problem" role="alert">${problem.text}</p>`}
    <div class="dialog-actions">
      <button class="button" type="button" onClick=${closePanel}>${t('actions.cancel')}</button>
      <button class="button primary" type="submit" disabled=${busy || !values.workdir.trim() || tooLong > 0}>
        <${Icon} name=${busy ? 'working' : 'plus'} class=${busy ? 'spin' : ''} />${t(busy ? 'create.busy' : 'create.go')}</button>
    </div>
  </form>`;
}

/** @param {import('../../client/http.js').ApiError} error @param {string} name what was sent as a name, "" if none */
function explain(error, name) {
  const key = `create.errors.${error.code === 'name_exists' && !name ? 'works_there' : error.code}`;
  const text = error.unreachable ? t('errors.unreachable') : hasText(key) ? t(key) : error.message;
  const session = error.code === 'name_exists' ? (error.body.session?.name ?? '') : '';
  return { field: FIELD_OF[error.code] ?? 'all', text, session };
}

/** @param {{chosen: string, choose: (dir: string) => void}} props */
function Recent({ chosen, choose }) {
  const dirs = recentDirs(sessions.value);
  if (!dirs.length) return null;
  return html`<div class="recent" role="group" aria-label=${t('create.recent')}>
    ${dirs.map((dir) => html`<button type="button" class="chip" aria-pressed=${chosen === dir} title=${dir} onClick=${() => choose(dir)}>
      <${Icon} name="folder" /><bdi>${dir.split('/').filter(Boolean).pop() ?? '/'}</bdi></button>`)}</div>`;
}
