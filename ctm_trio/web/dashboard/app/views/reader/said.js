/** What a person typed and what the model answered. */
import { html } from '../../html.js';
import { dayAndTime, hourMinute, shortNumber } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { Rich } from '../../ui/commonmark.js';
import { IconButton } from '../../ui/bits.js';
import { copy } from '../../ui/copy.js';
import { toggle } from './context.js';
import { Images } from './images.js';

/** @import { Entry } from '../../client/types.js' */
/** @import { Context } from './context.js' */

/** Of a longer prompt the beginning is shown. */
const PROMPT_CHARS = 2000;
const PROMPT_LINES = 24;

/** @param {{entry: Entry, context: Context}} props */
export function Prompt({ entry, context }) {
  const text = entry.text ?? '';
  const lines = text.split('\n');
  const long = text.length > PROMPT_CHARS || lines.length > PROMPT_LINES;
  const open = context.opened.value.has(entry.id);
  const shown = long && !open ? lines.slice(0, PROMPT_LINES).join('\n').slice(0, PROMPT_CHARS) : text;
  return html`<header class="prompt-head"><h2>${t(entry.agent_id ? 'reader.task' : 'reader.you')}</h2>
      ${entry.queued && html`<span class="muted prompt-queued">${t('reader.queued')}</span>`}
      <${Tools} entry=${entry} context=${context} copyLabel=${t('reader.copyPrompt')} /></header>
    ${text && html`<p class="prompt-text" dir="auto">${shown}${long && !open && '…'}</p>`}
    ${long && html`<button class="button small" type="button" aria-expanded=${open} onClick=${() => toggle(context, entry.id)}>${t(open ? 'reader.less' : 'reader.all')}</button>`}
    <${Images} images=${entry.images} />`;
}

/** @param {{entry: Entry, context: Context}} props */
export function Answer({ entry, context }) {
  return html`<${Rich} text=${entry.text ?? ''} of=${entry} />
    <${Images} images=${entry.images} />
    <footer class="answer-foot"><${Tools} entry=${entry} context=${context} copyLabel=${t('reader.copyAnswer')} /></footer>`;
}

/** When, by which model, at what price; copy and link. @param {{entry: Entry, context: Context, copyLabel: string}} props */
function Tools({ entry, context, copyLabel }) {
  const link = () => copy(location.origin + context.pathOf(entry.id), t('reader.link'));
  return html`<span class="entry-tools">
    <time class="muted num" title=${dayAndTime(entry.ts)}>${hourMinute(entry.ts)}</time>
    ${entry.model && html`<span class="muted entry-model">${entry.model}</span>`}
    ${entry.tokens && html`<span class="muted num entry-tokens">${t('reader.tokens', { n: shortNumber(entry.tokens.output) })}</span>`}
    <${IconButton} icon="copy" label=${copyLabel} onClick=${() => copy(entry.text ?? '')} />
    <${IconButton} icon="link" label=${t('reader.copyLink')} onClick=${link} /></span>`;
}
