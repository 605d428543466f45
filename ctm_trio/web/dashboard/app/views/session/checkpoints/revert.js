/** Going back to a checkpoint: says what happens, and offers to stash what is not committed. */
import { api } from '../../../client/index.js';
import { html, useState } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { toast } from '../../../store/toasts.js';
import { Dialog } from '../../../ui/dialog.js';
import { copy } from '../../../ui/copy.js';

/** Paths shown before "and n more". */
const SHOWN = 12;

/** @param {{name: string, checkpoint: import('../../../client/types.js').Checkpoint, onClose: () => void, onDone: () => void}} props */
export function RevertDialog({ name, checkpoint, onClose, onDone }) {
  const [dirty, setDirty] = useState(/** @type {string[]|null} */ (null));
  const [stash, setStash] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {{text: string, stash?: string}|null} */ (null));
  const [kept, setKept] = useState(/** @type {{dir: string, files: string[]}|null} */ (null));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const answer = await api.revert(name, checkpoint.sha, stash);
      toast(answer.stashed_as ? t('revert.doneStashed', { stash: answer.stashed_as.slice(0, 8) }) : t('revert.done'), 'good');
      onDone();
      if (!answer.kept?.length) return onClose();
      setKept({ dir: answer.kept_in ?? '', files: answer.kept });
      setBusy(false);
    } catch (error) {
      const { code, message, body } = /** @type {import('../../../client/http.js').ApiError} */ (error);
      if (code === 'dirty_workdir') setDirty(body.dirty_files ?? []);
      else setProblem({ text: message, stash: body?.stashed_as });
      setBusy(false);
    }
  };
  if (kept)
    return html`<${Dialog} title=${t('revert.done')} onClose=${onClose}>
    <div class="stack">
      <div class="note" role="alert"><p>${t('revert.kept', { n: kept.files.length, dir: kept.dir })}</p><${Paths} paths=${kept.files} /></div>
      <div class="dialog-actions"><button class="button primary" type="button" ref=${(/** @type {HTMLElement|null} */ one) => one?.focus()} onClick=${onClose}>${t('actions.close')}</button></div>
    </div>
  <//>`;
  return html`<${Dialog} title=${t('revert.title')} onClose=${onClose}>
    <form class="stack" onSubmit=${submit}>
      <p>${t('revert.text', { subject: checkpoint.subject.replace(/^checkpoint:\s*/, ''), sha: checkpoint.sha.slice(0, 8), ago: checkpoint.ago })}</p>
      ${
        dirty &&
        html`<div class="note" role="alert"><p>${t('revert.dirty', { n: dirty.length })}</p>
        <${Paths} paths=${dirty} /></div>
        <label class="check"><input type="checkbox" checked=${stash} onChange=${() => setStash(!stash)} />${t('revert.stash')}</label>
        <p class="muted">${t('revert.stashText')}</p>`
      }
      ${
        problem &&
        html`<div class="problem" role="alert"><p>${problem.text}</p>
        ${
          problem.stash &&
          html`<p>${t('revert.stashKept', { stash: problem.stash })}
          <button class="button small" type="button" onClick=${() => copy(`git stash apply ${problem.stash}`)}>${t('revert.copyApply')}</button></p>`
        }</div>`
      }
      <div class="dialog-actions">
        <button class="button" type="button" onClick=${onClose}>${t('actions.cancel')}</button>
        <button class="button danger" type="submit" disabled=${busy || (dirty !== null && !stash)}>${t(dirty ? 'revert.goStash' : 'revert.go')}</button>
      </div>
    </form>
  <//>`;
}

/** @param {{paths: string[]}} props */
function Paths({ paths }) {
  return html`<ul class="path-list mono">${paths.slice(0, SHOWN).map((path) => html`<li><bdi>${path}</bdi></li>`)}
    ${paths.length > SHOWN && html`<li>${t('revert.more', { n: paths.length - SHOWN })}</li>`}</ul>`;
}
