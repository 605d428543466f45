/** A plan: read it, approve it, change it, or say what is missing. */
import { html, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { Icon } from '../../ui/icons.js';
import { Rich } from '../../ui/commonmark.js';
import { useSheetKeys } from './keys.js';
import { TextBox } from './text-box.js';

/** @param {import('./sheet.js').KindProps} props */
export function Plan({ request, send, busy, ready }) {
  const plan = request.plan ?? '';
  const [note, setNote] = useState(/** @type {string|null} */ (null));
  const [edited, setEdited] = useState(/** @type {string|null} */ (null));
  const byHook = request.answerable === 'hook';
  const has = (/** @type {string} */ id) => request.choices.some((one) => one.id === id);
  const feedback = byHook ? (note?.trim() ?? '') : '';
  const changed = byHook && Boolean(edited?.trim()) && edited !== plan;
  const approve = (choice = 'approve') => send({ choice, ...(changed && { updated_plan: edited ?? '' }) });
  const keep = () => send({ choice: 'keep_planning', ...(feedback && { message: feedback }) });
  const ask = () => (byHook && note === null ? setNote('') : keep());
  useSheetKeys({ ready: () => ready() && !busy, allow: approve, deny: ask });
  const face = (/** @type {string} */ choice, /** @type {string} */ words) => t(busy === choice ? 'answer.sending' : words);
  return html`<div class="sheet-body">
      ${edited === null || !byHook ? html`<${Rich} text=${plan || request.summary} of=${request} />` : html`<${TextBox} label=${t('answer.plan')} mono value=${edited} onInput=${setEdited} />`}
    </div>
    <div class="sheet-actions">
      ${byHook && note !== null && html`<${TextBox} label=${t('answer.feedback')} hint=${t('answer.feedbackHint')} value=${note} onInput=${setNote} onEnter=${() => ready() && !busy && keep()} />`}
      <div class="sheet-main">
        ${has('keep_planning') && html`<button class=${`button big ${feedback ? 'primary' : ''}`} type="button" disabled=${busy !== ''} onClick=${ask}>${face('keep_planning', note === null ? 'answer.keepPlanning' : 'answer.sendFeedback')}</button>`}
        ${has('approve') && html`<button class=${`button big ${feedback ? '' : 'primary'}`} type="button" disabled=${busy !== ''} onClick=${() => approve()}>${face('approve', feedback ? 'answer.approveNoNote' : changed ? 'answer.approveChanged' : 'answer.approve')}</button>`}
      </div>
      ${has('approve_accept_edits') && html`<button class="button wide big" type="button" disabled=${busy !== ''} onClick=${() => approve('approve_accept_edits')}>${face('approve_accept_edits', 'answer.approveEdits')}</button>`}
      <div class="sheet-line">
        ${byHook && plan && html`<button class="button small" type="button" aria-pressed=${edited !== null} onClick=${() => setEdited(edited === null ? plan : null)}><${Icon} name="pencil" />${t('answer.editPlan')}</button>`}
      </div>
    </div>`;
}
