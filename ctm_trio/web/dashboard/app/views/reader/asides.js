/** What stands between prompts and answers: thoughts, slash commands, notices, and where the context was summarised. */
import { html } from '../../html.js';
import { hourMinute } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { Rich } from '../../ui/commonmark.js';
import { Icon } from '../../ui/icons.js';
import { firstLine, toggle } from './context.js';

/** @import { Children } from '../../html.js' */
/** @import { Entry } from '../../client/types.js' */
/** @import { Context } from './context.js' */

/** A printed text of more lines is folded. */
const PRINTED_LINES = 6;

/** A line that opens. @param {{entry: Entry, context: Context, icon: string, word: string, hint?: string, children: Children}} props */
function Fold({ entry, context, icon, word, hint = '', children }) {
  const open = context.opened.value.has(entry.id);
  return html`<button class="fold" type="button" aria-expanded=${open} onClick=${() => toggle(context, entry.id)}>
      <${Icon} name=${open ? 'down' : 'forward'} class="fold-mark" /><${Icon} name=${icon} /><b>${word}</b>
      ${!open && hint && html`<span class="fold-hint">${hint}</span>`}</button>
    ${open && html`<div class="fold-body">${children}</div>`}`;
}

/** @param {{entry: Entry, context: Context}} props */
export function Thinking({ entry, context }) {
  const text = entry.text ?? '';
  if (!text.trim()) return html`<p class="aside"><${Icon} name="thought" /><span>${t('reader.thinkingHidden')}</span></p>`;
  return html`<${Fold} entry=${entry} context=${context} icon="thought" word=${t('reader.thinking')} hint=${firstLine(text)}>
    <div class="thinking-text"><${Rich} text=${text} of=${entry} /></div><//>`;
}

/** @param {{entry: Entry, context: Context}} props */
export function Command({ entry, context }) {
  const text = entry.text ?? '';
  if (!entry.output) return html`<p class="aside"><code class="command-name">${text}</code><time class="muted num">${hourMinute(entry.ts)}</time></p>`;
  if (!text.trim()) return html`<p class="aside muted">${t('reader.printedNothing')}</p>`;
  if (text.split('\n').length <= PRINTED_LINES) return html`<pre class="block" tabindex="0">${text}</pre>`;
  return html`<${Fold} entry=${entry} context=${context} icon="pane" word=${t('reader.printed')} hint=${firstLine(text)}><pre class="block" tabindex="0">${text}</pre><//>`;
}

/** @param {{entry: Entry, context: Context}} props */
export function Compaction({ entry, context }) {
  return html`<p class="entry-divider" role="separator"><span>${t('reader.compaction')} · ${hourMinute(entry.ts)}</span></p>
    ${entry.summary && html`<${Fold} entry=${entry} context=${context} icon="plan" word=${t('reader.summary')} hint=${firstLine(entry.summary)}>
      <${Rich} text=${entry.summary} of=${entry} /><//>`}`;
}

/** @param {{entry: Entry, context: Context}} props */
export function Notice({ entry }) {
  return html`<p class="aside notice-line"><${Icon} name="meta" /><span>${entry.text}</span><time class="muted num">${hourMinute(entry.ts)}</time></p>`;
}
