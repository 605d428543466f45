/** One tool call: a line that opens to what was asked, what it changed and what came back. */
import { html } from '../../html.js';
import { took } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { AnsiText } from '../../ui/ansi-text.js';
import { CodeBlock } from '../../ui/code.js';
import { copy } from '../../ui/copy.js';
import { Diff } from '../../ui/diff.js';
import { BULKY, Fields } from '../../ui/fields.js';
import { Icon } from '../../ui/icons.js';
import { callWords, shorten, toolIcon, toolName } from '../../ui/tool.js';
import { toggle } from './context.js';
import { Images } from './images.js';
import { ThreadOf } from './thread.js';

/** @import { Entry } from '../../client/types.js' */
/** @import { Context } from './context.js' */

/** Of a longer result the beginning is shown. */
export const RESULT_CHARS = 8000;

/** @param {{entry: Entry, context: Context}} props */
export function Call({ entry, context }) {
  const open = context.opened.value.has(entry.id);
  const tool = entry.tool ?? '';
  const waits = entry.result === undefined;
  return html`<button class="fold call" type="button" aria-expanded=${open} data-failed=${entry.is_error ? '' : undefined} onClick=${() => toggle(context, entry.id)}>
      <${Icon} name=${open ? 'down' : 'forward'} class="fold-mark" /><${Icon} name=${toolIcon(tool)} /><b>${toolName(tool)}</b>
      <bdi class="call-input">${shorten(callWords(tool, entry.input, entry.summary ?? ''), context.base)}</bdi>
      <span class="call-end">${entry.is_error && html`<span class="failed-mark"><${Icon} name="error" />${t('feed.failed')}</span>`}
        ${waits && html`<span class="muted">${t('reader.noResult')}</span>`}
        ${entry.duration_ms !== undefined && html`<span class="muted num">${took(entry.duration_ms)}</span>`}</span></button>
    ${open && html`<div class="fold-body"><${Body} entry=${entry} context=${context} /></div>`}
    ${!open && html`<${Images} images=${entry.images} />`}
    <${ThreadOf} entry=${entry} context=${context} />`;
}

/** @param {{entry: Entry, context: Context}} props */
function Body({ entry, context }) {
  const { input, diff, result } = entry;
  const fields = input && typeof input === 'object' && !Array.isArray(input) ? /** @type {Record<string, unknown>} */ (input) : null;
  return html`<section><h3>${t('detail.input')}</h3>
      ${fields ? html`<${Fields} value=${fields} hide=${diff ? BULKY : []} />` : html`<${CodeBlock} text=${JSON.stringify(input, null, 2) ?? ''} language="json" />`}</section>
    ${diff && html`<section><h3>${t('detail.diff')}</h3><${Diff} text=${diff} /></section>`}
    ${result !== undefined && html`<section><h3>${t('detail.output')}</h3>
      ${result ? html`<${Result} text=${result} entry=${entry} context=${context} />` : html`<p class="muted">${t('detail.noOutput')}</p>`}</section>`}
    <${Images} images=${entry.images} />
    <p class="call-tools">${result && html`<button class="text-button" type="button" onClick=${() => copy(result, t('reader.output'))}><${Icon} name="copy" />${t('reader.copyOutput')}</button>`}
      <button class="text-button" type="button" onClick=${() => copy(location.origin + context.pathOf(entry.id), t('reader.link'))}><${Icon} name="link" />${t('reader.copyCallLink')}</button></p>`;
}

/** @param {{text: string, entry: Entry, context: Context}} props */
function Result({ text, entry, context }) {
  const key = `${entry.id}/result`;
  const all = text.length <= RESULT_CHARS || context.opened.value.has(key);
  return html`<pre class="block" tabindex="0"><${AnsiText} text=${all ? text : `${text.slice(0, RESULT_CHARS)}…`} /></pre>
    ${!all && html`<p class="call-tools"><button class="button small" type="button" aria-expanded="false" onClick=${() => toggle(context, key)}>${t('reader.all')}</button></p>`}`;
}
