/** Words for a session: several lines, what was said before, commands, and what became of what was sent. */
import { talk } from '../../../client/index.js';
import { html, useEffect, useLayoutEffect, useRef, useState } from '../../../html.js';
import { hasText, t } from '../../../i18n/index.js';
import { newKey } from '../../../ids.js';
import { loadPrompts, notePrompt } from '../../../store/prompts.js';
import { remembered } from '../../../store/prefs.js';
import { toast } from '../../../store/toasts.js';
import { Icon } from '../../../ui/icons.js';
import { useCoarse } from '../../../ui/media.js';
import { CommandList, commandsFor } from './commands.js';
import { useHistory } from './history.js';
import { ImageButton, Uploading, useImages } from './images.js';
import { KeyRow } from './key-row.js';
import { Off, offReason } from './off.js';
import { Said } from './said.js';

/** @import { SessionView } from '../../../client/types.js' */
/** @import { EventOf } from '../../../html.js' */
/** @import { ApiError } from '../../../client/index.js' */

/** The daemon takes so many bytes. */
const MAX_BYTES = 100_000;
const keysShown = remembered('key-row', false);
/** States in which a turn can be interrupted. */
const AT_WORK = new Set(['working', 'unheard']);

/** What has been typed and not sent, by session: a look at another page does not cost it. @type {Map<string, string>} */
const drafts = new Map();

/** @param {{session: SessionView, slim?: boolean}} props `slim`: only the line, on a phone */
export function Composer({ session, slim }) {
  const off = offReason(session);
  return off ? html`<${Off} session=${session} reason=${off} />` : html`<${Line} session=${session} slim=${slim} />`;
}

/** @param {{session: SessionView, slim?: boolean}} props */
function Line({ session, slim }) {
  const { name } = session;
  const [text, setText] = useState(drafts.get(name) ?? '');
  const [idle, setIdle] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {ApiError|null} */ (null));
  const key = useRef({ of: '', key: '' });
  const box = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const coarse = useCoarse();
  const put = (/** @type {string} */ words) => {
    drafts.set(name, words);
    setText(words);
  };
  const history = useHistory(name, text, put, box);
  const images = useImages(name, box, () => drafts.get(name) ?? '', put, setProblem);
  const commands = commandsFor(text);
  const [at, setAt] = useState(0);
  useLayoutEffect(() => grow(box.current), [text]);
  useEffect(() => setAt(0), [text]);
  useEffect(() => {
    const stop = new AbortController();
    loadPrompts(name, stop.signal).catch(() => {}); // not known then; what is sent from now on is
    return () => stop.abort();
  }, [name]);
  const bytes = new TextEncoder().encode(text).length;
  const ready = text.trim() !== '' && bytes <= MAX_BYTES && !busy && !images.left;
  const send = async () => {
    if (!ready) return;
    const when = /** @type {'idle'|'now'} */ (idle ? 'idle' : 'now');
    if (key.current.of !== `${when} ${text}`) key.current = { of: `${when} ${text}`, key: newKey() };
    setBusy(true);
    setProblem(null);
    try {
      const { id, state } = await talk.prompt(name, { text, key: key.current.key, when });
      key.current = { of: '', key: '' };
      notePrompt(name, { id, text, state });
      if (drafts.get(name) === text) drafts.delete(name);
      setText((now) => (now === text ? '' : now)); // what was typed since stays
      history.reset();
    } catch (error) {
      setProblem(/** @type {ApiError} */ (error));
    } finally {
      setBusy(false);
    }
  };
  const complete = (/** @type {string} */ command) => {
    put(`${command} `);
    box.current?.focus();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    if (commands.length && event.key === 'Tab') complete(commands[at].name);
    else if (commands.length && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      setAt((at + (event.key === 'ArrowDown' ? 1 : commands.length - 1)) % commands.length);
    } else if (history.onKey(event)) return;
    else if (event.key === 'Enter' && !event.shiftKey && (!coarse || event.ctrlKey || event.metaKey)) send();
    else return;
    event.preventDefault();
  };
  const interrupt = async () => {
    try {
      const { ended } = await talk.interrupt(name);
      toast(t(ended ? 'composer.interrupted' : 'composer.notInterrupted'), ended ? 'good' : 'plain');
    } catch (error) {
      toast(words(/** @type {ApiError} */ (error)), 'bad');
    }
  };
  return html`<div class=${`composer ${slim ? 'slim' : ''}`}>
    <${Said} session=${name} onAgain=${put} />
    ${problem && html`<${Problem} problem=${problem} onClose=${() => setProblem(null)} />`}
    <${Uploading} left=${images.left} onCancel=${images.cancel} />
    ${keysShown.value && html`<${KeyRow} name=${name} />`}
    ${commands.length > 0 && html`<${CommandList} commands=${commands} at=${at} onChoose=${complete} />`}
    <form class="composer-line" data-drop=${images.over} ...${images.drop} onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), send())}>
      <${ImageButton} onFiles=${images.add} />
      <textarea ref=${box} class="input" rows="1" aria-label=${t('composer.label', { name })} value=${text}
        placeholder=${t(coarse ? 'composer.hintShort' : 'composer.hint')} enterkeyhint=${coarse ? 'enter' : 'send'}
        onKeyDown=${onKey} onPaste=${images.onPaste} onInput=${(/** @type {EventOf<HTMLTextAreaElement>} */ event) => put(event.target.value)}></textarea>
      <button class="button primary composer-send" type="submit" disabled=${!ready} aria-label=${t(idle ? 'composer.sendIdle' : 'composer.send')}
        title=${t(idle ? 'composer.sendIdle' : 'composer.send')}><${Icon} name="send" /></button>
    </form>
    <div class="composer-tools">
      <button class="button small" type="button" aria-pressed=${idle} title=${t('composer.idleText')} onClick=${() => setIdle(!idle)}><${Icon} name="hourglass" />${t('composer.idle')}</button>
      <button class="button small" type="button" aria-pressed=${keysShown.value} onClick=${() => (keysShown.value = !keysShown.value)}><${Icon} name="keyboard" />${t('composer.keys')}</button>
      ${bytes > MAX_BYTES && html`<span class="composer-over" role="status">${t('composer.bytes', { n: bytes, max: MAX_BYTES })}</span>`}
      ${AT_WORK.has(session.status?.state ?? '') && html`<button class="button small composer-stop" type="button" onClick=${interrupt}><${Icon} name="stop" />${t('composer.interrupt')}</button>`}
    </div>
  </div>`;
}

/** As high as its text; the style sheet says how high at most. @param {HTMLTextAreaElement|null} element */
function grow(element) {
  if (!element) return;
  element.style.height = 'auto';
  element.style.height = `${element.scrollHeight + 2}px`;
}

/** @param {ApiError} error */
const words = ({ code, message }) => (hasText(`composer.errors.${code}`) ? t(`composer.errors.${code}`) : message);

/** Why it was not typed; the words stay in the line. @param {{problem: ApiError, onClose: () => void}} props */
function Problem({ problem, onClose }) {
  const asks = problem.code === 'dialog_open';
  const show = () => {
    document.querySelector('.session-asks')?.scrollIntoView({ block: 'start' });
    onClose();
  };
  return html`<p class="problem composer-problem" role="alert"><span>${words(problem)}</span>
    <button class="button small" type="button" onClick=${asks ? show : onClose}>${t(asks ? 'composer.show' : 'actions.close')}</button></p>`;
}
