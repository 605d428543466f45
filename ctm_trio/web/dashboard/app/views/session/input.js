/** The line to talk to a session: text, ready answers, and keys for phones. Only where the daemon takes input. */
import { api } from '../../client/index.js';
import { html, useState } from '../../html.js';
import { hasText, t } from '../../i18n/index.js';
import { remembered } from '../../store/prefs.js';
import { toast } from '../../store/toasts.js';
import { copy } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';
import { attachCommand } from './actions.js';

/** @import { EventOf } from '../../html.js' */
/** @import { Bodies } from '../../client/types.js' */

/** The daemon types at most this many bytes at once. */
const MAX_BYTES = 256;
const PRESETS = /** @type {const} */ (['yes', 'no', 'follow', 'continue']);
/** Keys the daemon presses: name on the wire, what the button shows. */
const KEYS = /** @type {const} */ ([
  ['Escape', 'Esc'],
  ['Up', '↑'],
  ['Down', '↓'],
  ['Left', '←'],
  ['Right', '→'],
  ['Tab', '⇥'],
  ['Enter', '⏎'],
  ['C-c', '^C'],
]);
const keysShown = remembered('keys', matchMedia('(pointer: coarse)').matches);

/** @param {{session: import('../../client/types.js').SessionView, slim?: boolean}} props `slim`: only the line, on a phone */
export function InputBar({ session, slim }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const reason = !session.tmux_alive ? 'ended' : session.mode !== 'yolo' ? 'safe' : '';
  if (reason) {
    return html`<div class="input-off"><${Icon} name=${reason === 'safe' ? 'shield' : 'ended'} /><p>${t(`input.off.${reason}`)}</p>
      ${
        reason === 'safe' &&
        html`<button class="button small" onClick=${() => copy(attachCommand(session.name))}>
        <${Icon} name="copy" />${t('session.copyAttach')}</button>`
      }</div>`;
  }
  const bytes = new TextEncoder().encode(text).length;
  const send = async (/** @type {Bodies['POST /api/sessions/{name}/input']} */ what, /** @type {string} */ label) => {
    setBusy(true);
    try {
      await api.input(session.name, what);
      if (what.text) setText((now) => (now === what.text ? '' : now)); // what was typed since stays
      toast(t('input.sent', { what: label }), 'good');
    } catch (error) {
      const { code, message } = /** @type {import('../../client/http.js').ApiError} */ (error);
      toast(hasText(`input.errors.${code}`) ? t(`input.errors.${code}`) : message, 'bad');
    } finally {
      setBusy(false);
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (text.trim() && bytes <= MAX_BYTES) send({ text }, text);
  };
  return html`<div class=${`input-bar ${slim ? 'slim' : ''}`}>
    <div class="input-presets" role="group" aria-label=${t('input.presets')}>
      ${PRESETS.map(
        (preset) => html`<button class="button small" disabled=${busy} title=${t(`input.hint.${preset}`)}
        onClick=${() => send({ preset }, t(`input.preset.${preset}`))}>${t(`input.preset.${preset}`)}</button>`,
      )}
      <button class="icon-button" aria-pressed=${keysShown.value} aria-label=${t('input.keys')} title=${t('input.keys')}
        onClick=${() => (keysShown.value = !keysShown.value)}><${Icon} name="keyboard" /></button>
    </div>
    ${
      keysShown.value &&
      html`<div class="input-keys" role="group" aria-label=${t('input.keys')}>
      ${KEYS.map(
        ([key, face]) => html`<button class="button small mono" disabled=${busy} aria-label=${t(`input.key.${key}`)}
        title=${t(`input.key.${key}`)} onClick=${() => send({ key }, t(`input.key.${key}`))}>${face}</button>`,
      )}
    </div>`
    }
    <form class="input-line" onSubmit=${submit}>
      <input class="input" aria-label=${t('input.label', { name: session.name })} placeholder=${t('input.placeholder')} value=${text}
        autocomplete="off" enterkeyhint="send" onInput=${(/** @type {EventOf} */ event) => setText(event.target.value)} />
      ${bytes > MAX_BYTES - 56 && html`<span class=${`input-count ${bytes > MAX_BYTES ? 'over' : ''}`} role="status">${t('input.bytes', { n: bytes, max: MAX_BYTES })}</span>`}
      <button class="button primary" type="submit" disabled=${busy || !text.trim() || bytes > MAX_BYTES} aria-label=${t('input.send')}>
        <${Icon} name="send" /></button>
    </form>
  </div>`;
}
