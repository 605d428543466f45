/** What became of what was sent: held back, typed, in the queue, or failed. What has arrived goes after a moment. */
import { talk } from '../../../client/index.js';
import { html } from '../../../html.js';
import { hasText, t } from '../../../i18n/index.js';
import { now } from '../../../store/clock.js';
import { dropPrompt, prompts } from '../../../store/prompts.js';
import { toast } from '../../../store/toasts.js';
import { Icon } from '../../../ui/icons.js';

/** @import { Said as Prompt } from '../../../store/prompts.js' */

const ICONS = { held: 'hourglass', typed: 'send', delivered: 'check', queued: 'hourglass', failed: 'error' };
const TONES = { held: 'calm', typed: 'calm', delivered: 'good', queued: 'ask', failed: 'bad' };
/** How long one is shown whose state does not change any more, and how many are shown. */
const SHOWN_MS = 6000;
const SHOWN = 3;
/** A failure stays until it is read; not one of days ago. */
const FAILED_MS = 10 * 60_000;

/** @param {Prompt} one @param {number} at ms */
function isShown({ state, seen }, at) {
  if (state === 'held') return true;
  return seen > 0 && at - seen < (state === 'failed' ? FAILED_MS : SHOWN_MS);
}

/** @param {{session: string, onAgain: (text: string) => void}} props `onAgain`: puts a text into the line again */
export function Said({ session, onAgain }) {
  const list = (prompts.value.get(session) ?? []).filter((one) => isShown(one, now.value)).slice(-SHOWN);
  if (!list.length) return null;
  const takeBack = async (/** @type {Prompt} */ one) => {
    try {
      await talk.takeBack(session, one.id);
      dropPrompt(session, one.id);
      onAgain(one.text);
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'bad');
    }
  };
  const again = (/** @type {Prompt} */ one) => {
    dropPrompt(session, one.id);
    onAgain(one.text);
  };
  return html`<ul class="said" aria-label=${t('composer.said')}>${list.map((one) => html`<li key=${one.id} data-tone=${TONES[one.state] ?? 'calm'}>
    <${Icon} name=${ICONS[one.state] ?? 'send'} /><b role="status">${stateWords(one)}</b><bdi class="said-text" title=${one.reason}>${one.text}</bdi>
    ${one.state === 'held' && html`<button class="button small" type="button" onClick=${() => takeBack(one)}>${t('composer.takeBack')}</button>`}
    ${one.state === 'failed' && html`<button class="button small" type="button" onClick=${() => again(one)}>${t('composer.again')}</button>`}
  </li>`)}</ul>`;
}

/** @param {Prompt} one */
function stateWords({ state, reason, error }) {
  const words = t(`composer.state.${state}`);
  const why = error && hasText(`composer.errors.${error}`) ? t(`composer.errors.${error}`) : reason;
  return why && state === 'failed' ? `${words}: ${why}` : words;
}
