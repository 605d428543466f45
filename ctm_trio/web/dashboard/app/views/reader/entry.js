/** One entry of a conversation: each kind has its own look. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { Command, Compaction, Notice, Thinking } from './asides.js';
import { Call } from './call.js';
import { Answer, Prompt } from './said.js';

/** @import { Entry } from '../../client/types.js' */
/** @import { Context } from './context.js' */

const KINDS = { prompt: Prompt, text: Answer, thinking: Thinking, tool: Call, command: Command, compaction: Compaction, notice: Notice };

/** @param {Entry} entry @param {Context} context */
export const drawEntry = (entry, context) => html`<${EntryRow} entry=${entry} context=${context} />`;

/** @param {{entry: Entry, context: Context}} props */
function EntryRow({ entry, context }) {
  const Kind = KINDS[entry.kind];
  if (!Kind) return null; // of a later version
  const marked = context.marked.value === entry.id;
  return html`${context.newFrom.value === entry.id && html`<p class="entry-new" role="separator"><span>${t('reader.newMark')}</span></p>`}
    <article class=${`entry kind-${entry.kind}`} data-entry=${entry.id} data-marked=${marked ? '' : undefined} aria-label=${t(`reader.kinds.${entry.kind}`)}>
      <${Kind} entry=${entry} context=${context} /></article>`;
}
