/** An approval: the whole call, and what may be said to it. */
import { html, useRef, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { AGAIN_MS, MaybeHold } from '../../ui/hold-button.js';
import { Icon } from '../../ui/icons.js';
import { Call } from './call.js';
import { useSheetKeys } from './keys.js';
import { TextBox } from './text-box.js';

/** Choices that have places of their own. */
const FIXED = new Set(['allow', 'deny', 'deny_stop']);

/** @param {import('./sheet.js').KindProps} props */
export function Permission({ request, send, busy, ready }) {
  const [note, setNote] = useState(/** @type {string|null} */ (null));
  const [edited, setEdited] = useState(/** @type {string|null} */ (null));
  const [again, setAgain] = useState(false);
  const timer = useRef(/** @type {ReturnType<typeof setTimeout>|undefined} */ (undefined));
  const high = request.risk === 'high';
  const byHook = request.answerable === 'hook';
  const has = (/** @type {string} */ id) => request.choices.some((one) => one.id === id);
  const words = byHook ? (note?.trim() ?? '') : '';
  const message = words ? { message: words } : {};
  const changed = byHook && edited !== null && edited !== request.input.command;
  const allow = (choice = 'allow') => {
    send({ choice, ...(changed && { updated_input: { ...request.input, command: edited } }) });
  };
  const deny = (choice = 'deny') => send({ choice, ...message });
  const allowByKey = () => {
    clearTimeout(timer.current);
    setAgain(high && !again);
    if (!high || again) allow();
    else timer.current = setTimeout(() => setAgain(false), AGAIN_MS);
  };
  useSheetKeys({ ready: () => ready() && !busy, allow: allowByKey, deny });
  const others = byHook ? request.choices.filter((one) => !FIXED.has(one.id)) : [];
  return html`<div class="sheet-body"><${Call} request=${request} edited=${byHook ? edited : null} onEdit=${setEdited} /></div>
    <div class="sheet-actions">
      ${byHook && note !== null && html`<${TextBox} label=${t('answer.note')} hint=${t('answer.noteHint')} value=${note} onInput=${setNote} onEnter=${() => ready() && !busy && deny()} />`}
      <div class="sheet-main">
        ${has('deny') && html`<button class=${`button big ${words ? 'primary' : ''}`} type="button" disabled=${busy !== ''} onClick=${() => deny()}>${t(busy === 'deny' ? 'answer.sending' : words ? 'answer.denyNote' : 'answer.deny')}</button>`}
        <${MaybeHold} class=${`button big ${words ? '' : 'primary'}`} hold=${high} hint=${again ? t('answer.again') : ''} disabled=${busy !== ''} run=${() => allow()}>${t(busy === 'allow' ? 'answer.sending' : words ? 'answer.allowNoNote' : changed ? 'answer.allowChanged' : 'answer.allow')}<//>
      </div>
      ${others.length > 0 && html`<ul class="sheet-options">${others.map((one) => html`<li key=${one.id}>
        <${MaybeHold} class="option" hold=${high} disabled=${busy !== ''} run=${() => allow(one.id)}>
          <span><b>${busy === one.id ? t('answer.sending') : one.label}</b>${one.detail && html`<small>${one.detail}</small>`}</span><//></li>`)}</ul>`}
      <div class="sheet-line">
        ${has('deny_stop') && html`<button class="button small" type="button" disabled=${busy !== ''} onClick=${() => deny('deny_stop')}>${t(busy === 'deny_stop' ? 'answer.sending' : 'answer.denyStop')}</button>`}
        ${byHook && html`<button class="button small" type="button" aria-pressed=${note !== null} onClick=${() => setNote(note === null ? '' : null)}>${t('answer.addNote')}</button>`}
        ${byHook && request.tool === 'Bash' && typeof request.input.command === 'string' &&
        html`<button class="button small" type="button" aria-pressed=${edited !== null}
          onClick=${() => setEdited(edited === null ? String(request.input.command) : null)}><${Icon} name="pencil" />${t('answer.edit')}</button>`}
      </div>
    </div>`;
}
