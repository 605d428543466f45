/** The input of a call, a line or a block a field. */
import { html } from '../html.js';

/** What a diff shows better. */
export const BULKY = ['old_string', 'new_string', 'content', 'edits', 'new_source'];
/** A longer text is a block of its own. */
const LINE_CHARS = 60;

/** @param {{value: Record<string, unknown>, hide?: string[]}} props */
export function Fields({ value, hide = [] }) {
  const fields = Object.entries(value).filter(([key]) => !hide.includes(key));
  return html`<dl class="fields">${fields.map(([key, field]) => {
    const text = typeof field === 'string' ? field : JSON.stringify(field, null, 2);
    const tall = text.length > LINE_CHARS || text.includes('\n') || key === 'command';
    return html`<div class=${tall ? 'tall' : ''}><dt>${key}</dt>
      <dd>${tall ? html`<pre class="block" tabindex="0">${text}</pre>` : html`<bdi class="mono">${text}</bdi>`}</dd></div>`;
  })}</dl>`;
}
