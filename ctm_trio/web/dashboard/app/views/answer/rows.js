/** A dialog of the client, as it was read from the screen: its rows are the answers. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { MaybeHold } from '../../ui/hold-button.js';
import { Call } from './call.js';
import { useSheetKeys } from './keys.js';

/** @import { Request } from '../../client/types.js' */

/** @param {import('./sheet.js').KindProps} props */
export function Rows({ request, send, busy, ready, digits }) {
  const { choices, summary, tool } = request;
  const said = tool ? '' : saidBelow(request);
  const holds = (/** @type {string} */ label) => request.risk === 'high' && !/^no\b/i.test(label);
  const high = choices.some((one) => holds(one.label));
  useSheetKeys({
    ready: () => ready() && !busy && !high,
    ...(digits && { count: choices.length, choose: (index) => send({ choice: choices[index].id }) }),
  });
  return html`<div class="sheet-body">
      ${tool ? html`<${Call} request=${request} />` : html`<p class="sheet-question">${summary}</p>`}
      ${said && html`<p class="sheet-said">${said}</p>`}
    </div>
    <div class="sheet-actions">
      <ul class="sheet-options">${choices.map((one, index) => html`<li key=${one.id}>
        <${MaybeHold} class="option" hold=${holds(one.label)} disabled=${busy !== ''} run=${() => send({ choice: one.id })}>
          ${digits && html`<kbd aria-hidden="true">${index + 1}</kbd>`}
          <span><b>${busy === one.id ? t('answer.sending') : one.label}</b>${one.detail && html`<small>${one.detail}</small>`}</span><//></li>`)}</ul>
    </div>`;
}

/** What a dialog says below its summary, which has the first line where the title leads to it. @param {Request} request */
function saidBelow({ input: { title, text } }) {
  if (typeof text !== 'string') return '';
  return typeof title === 'string' && title.endsWith(':') ? text.split('\n').slice(1).join('\n') : text;
}
