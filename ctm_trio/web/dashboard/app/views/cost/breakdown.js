/** Who spent how much: a line each, with its share as a bar. */
import { html } from '../../html.js';
import { dollars } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';

/**
 * @param {{title: string, head: string, lines: import('./figures.js').Line[], label?: (key: string) => string,
 *   note?: (line: import('./figures.js').Line) => string, href?: (key: string) => string}} props
 *   `href` makes the first cell a link
 */
export function Breakdown({ title, head, lines, label = (key) => key, note = () => '', href }) {
  const total = lines.reduce((sum, line) => sum + line.micros, 0);
  const withAll = lines.some((line) => line.all !== undefined);
  return html`<section class="group" aria-label=${title}>
    <h2 class="group-head">${title}</h2>
    <div class="rows"><table class="cost-table">
      <thead><tr><th scope="col">${head}</th><th scope="col" class="share">${t('cost.share')}</th><th scope="col" class="num">${t('cost.spent')}</th>
        ${withAll && html`<th scope="col" class="num all">${t('cost.inAll')}</th>`}</tr></thead>
      <tbody>${lines.map((line) => html`<tr key=${line.key}>
        <th scope="row">${href ? html`<a href=${href(line.key)} data-replace>${label(line.key)}</a>` : label(line.key)}
          ${note(line) && html`<small class="muted">${note(line)}</small>`}</th>
        <td class="share"><${Share} part=${line.micros} of=${total} /></td>
        <td class="num">${dollars(line.micros)}</td>
        ${withAll && html`<td class="num all muted">${line.all === undefined ? '–' : dollars(line.all)}</td>`}</tr>`)}</tbody>
    </table></div></section>`;
}

/** @param {{part: number, of: number}} props */
function Share({ part, of }) {
  const pct = of > 0 ? Math.round((part / of) * 100) : 0;
  return html`<span class="share-cell"><svg class="share-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="gauge-track" width="100" height="6" /><rect class="gauge-fill" width=${pct} height="6" /></svg><span class="num">${pct}%</span></span>`;
}
