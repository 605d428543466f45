/** Who spent how much: a line each, with its share as a bar and where the figure comes from. */
import { html } from '../../html.js';
import { dollars, shortNumber } from '../../i18n/format.js';
import { hasText, t } from '../../i18n/index.js';

/**
 * @param {{title: string, head: string, lines: import('./figures.js').Line[], total: number, href?: (key: string) => string}} props
 *   `href` makes the first cell a link
 */
export function Breakdown({ title, head, lines, total, href }) {
  return html`<section class="group" aria-label=${title}>
    <h2 class="group-head">${title} <span class="muted">${lines.length}</span></h2>
    <div class="rows cost-scroll"><table class="cost-table">
      <thead><tr><th scope="col">${head}</th><th scope="col" class="share">${t('cost.share')}</th><th scope="col" class="num tokens">${t('cost.tokens')}</th>
        <th scope="col" class="num">${t('cost.cost')}</th></tr></thead>
      <tbody>${lines.map((line) => html`<tr key=${line.key}>
        <th scope="row">${href ? html`<a href=${href(line.key)} data-replace>${line.key}</a>` : line.key || t('cost.unknownModel')}
          <small class="muted">${[line.models.join(', '), sourceOf(line.sources)].filter(Boolean).join(' · ')}</small></th>
        <td class="share"><${Share} part=${line.micros} of=${total} /></td>
        <td class="num tokens" title=${tokensTitle(line.tokens)}>${shortNumber(line.tokens.input + line.tokens.output + line.tokens.cache)}</td>
        <td class="num">${dollars(line.micros)}</td></tr>`)}</tbody>
    </table></div></section>`;
}

/** @param {{part: number, of: number}} props */
function Share({ part, of }) {
  const pct = of > 0 ? Math.round((part / of) * 100) : 0;
  return html`<span class="share-cell"><svg class="share-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="gauge-track" width="100" height="6" /><rect class="gauge-fill" width=${pct} height="6" /></svg><span class="num">${pct}%</span></span>`;
}

/** @param {string[]} sources */
function sourceOf(sources) {
  if (!sources.length) return '';
  const key = sources.length > 1 ? 'mixed' : sources[0];
  return hasText(`cost.sources.${key}`) ? t(`cost.sources.${key}`) : key;
}

/** @param {{input: number, output: number, cache: number}} tokens */
const tokensTitle = ({ input, output, cache }) =>
  [['input', input], ['output', output], ['cache', cache]].map(([kind, n]) => `${t(`cost.${kind}`)} ${shortNumber(Number(n))}`).join(' · ');
