/** Questions: one tap for a single choice, boxes and one button for several, steps for more than one question. */
import { html, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { Icon } from '../../ui/icons.js';
import { useSheetKeys } from './keys.js';
import { EMPTY, isAnswered, repliesOf, toggled } from './replies.js';
import { TextBox } from './text-box.js';

/** @import { Question as Asked } from '../../client/types.js' */
/** @import { Draft } from './replies.js' */

/** @param {import('./sheet.js').KindProps} props */
export function Question({ request, send, busy, ready, digits }) {
  const questions = request.questions ?? [];
  const [step, setStep] = useState(0);
  const [drafts, setDrafts] = useState(() => questions.map(() => EMPTY));
  const [talk, setTalk] = useState(/** @type {string|null} */ (null));
  const question = questions[step];
  const draft = drafts[step];
  const last = step === questions.length - 1;
  const byHook = request.answerable === 'hook';
  const multi = question?.multiSelect === true;
  const finish = (/** @type {Draft[]} */ all) => send({ choice: 'answers', answers: repliesOf(questions, all) });
  const put = (/** @type {Draft} */ one) => {
    const all = drafts.with(step, one);
    setDrafts(all);
    return all;
  };
  const choose = (/** @type {number} */ index) => {
    const all = put(toggled(draft, question.options[index].label, multi));
    if (multi || !isAnswered(all[step])) return;
    if (last) finish(all);
    else setStep(step + 1);
  };
  const go = () => (last ? finish(drafts) : setStep(step + 1));
  const discuss = () => send({ choice: 'discuss', ...(talk?.trim() && { message: talk.trim() }) });
  useSheetKeys({ ready: () => ready() && !busy, ...(digits && question && { count: question.options.length, choose }) });
  if (!question) return html`<p class="sheet-question">${request.summary}</p>`;
  const sends = multi || draft.other !== null;
  return html`<div class="sheet-body">
      ${questions.length > 1 && html`<p class="sheet-step muted">${t('answer.step', { n: step + 1, of: questions.length })}</p>`}
      <p class="sheet-question" role="heading" aria-level="3">${question.question}</p>
      ${multi && html`<p class="muted">${t('answer.several')}</p>`}
    </div>
    <div class="sheet-actions">
      <${Options} question=${question} draft=${draft} multi=${multi} digits=${digits} busy=${busy !== ''} choose=${choose} />
      ${byHook && draft.other !== null && html`<${TextBox} label=${t('answer.other')} hint=${t('answer.otherHint')} value=${draft.other}
        onInput=${(/** @type {string} */ other) => put({ labels: multi ? draft.labels : [], other })} onEnter=${() => ready() && !busy && isAnswered(draft) && go()} />`}
      ${talk !== null && html`<${TextBox} label=${t('answer.discuss')} hint=${t('answer.discussHint')} value=${talk} onInput=${setTalk} onEnter=${() => ready() && !busy && discuss()} />`}
      ${(sends || talk !== null) && html`<div class="sheet-main">
        ${talk !== null && html`<button class="button big" type="button" disabled=${busy !== ''} onClick=${discuss}>${t(busy === 'discuss' ? 'answer.sending' : 'answer.discuss')}</button>`}
        ${sends && html`<button class="button primary big" type="button" disabled=${busy !== '' || !isAnswered(draft)} onClick=${go}>${t(busy === 'answers' ? 'answer.sending' : last ? 'answer.send' : 'answer.next')}</button>`}
      </div>`}
      <div class="sheet-line">
        ${step > 0 && html`<button class="button small" type="button" onClick=${() => setStep(step - 1)}><${Icon} name="back" />${t('actions.back')}</button>`}
        ${byHook && html`<button class="button small" type="button" aria-pressed=${draft.other !== null} onClick=${() => put({ ...draft, other: draft.other === null ? '' : null })}>${t('answer.other')}</button>`}
        ${byHook && talk === null && html`<button class="button small" type="button" onClick=${() => setTalk('')}>${t('answer.discuss')}</button>`}
      </div>
    </div>`;
}

/** @param {{question: Asked, draft: Draft, multi: boolean, digits: boolean, busy: boolean, choose: (index: number) => void}} props */
function Options({ question, draft, multi, digits, busy, choose }) {
  return html`<ul class="sheet-options">${question.options.map((one, index) => {
    const chosen = draft.labels.includes(one.label);
    return html`<li key=${one.label}><button class="option" type="button" role=${multi ? 'checkbox' : undefined} aria-checked=${multi ? chosen : undefined}
        data-chosen=${chosen} disabled=${busy} onClick=${() => choose(index)}>
      ${multi && html`<span class="box" aria-hidden="true">${chosen && html`<${Icon} name="check" />`}</span>`}
      ${digits && html`<kbd aria-hidden="true">${index + 1}</kbd>`}
      <span><b>${one.label}</b>${one.description && html`<small>${one.description}</small>`}</span></button></li>`;
  })}</ul>`;
}
