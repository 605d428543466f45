/** What a session used, by agent, model and day, from its transcripts. */
import { conversations } from '../../../client/index.js';
import { html } from '../../../html.js';
import { calendarDay, dollars, shortNumber } from '../../../i18n/format.js';
import { t } from '../../../i18n/index.js';
import { Failure, Loading } from '../../../ui/bits.js';
import { useAnswer } from '../../../ui/use-answer.js';

/** @import { AgentUsage } from '../../../client/types.js' */

/** From this share on a difference between the two costs is worth a sentence. */
const DIFFERS = 0.1;
/** Days shown; a long session has many. */
const LAST = 60;

/** @param {{name: string, cost?: number}} props `cost`: as Claude Code itself counts it, in millionths of a dollar */
export function Usage({ name, cost }) {
  const { answer, error, retry } = useAnswer((signal) => conversations.usage(name, { signal }), [name]);
  if (error) return html`<h2>${t('usage.title')}</h2><${Failure} error=${error} retry=${retry} />`;
  if (!answer) return html`<h2>${t('usage.title')}</h2><${Loading} rows=${2} />`;
  const rows = [...answer.usage].sort((a, b) => (a.day < b.day ? 1 : a.day > b.day ? -1 : a.agent_id.localeCompare(b.agent_id)));
  const counted = answer.cost_usd_micros;
  return html`<header class="card-head"><h2>${t('usage.title')}</h2>
      ${counted !== undefined && html`<span class="muted num">${t('usage.cost', { sum: dollars(counted) })}</span>`}</header>
    ${differs(counted, cost) && html`<p class="note" role="status">${t('usage.differs', { own: dollars(cost ?? 0), counted: dollars(counted ?? 0) })}</p>`}
    ${rows.length ? html`<${Table} rows=${rows.slice(0, LAST)} />` : html`<p class="muted">${t('usage.none')}</p>`}
    ${rows.length > 0 && answer.prices_as_of && html`<p class="muted usage-prices">${t('usage.prices', { date: answer.prices_as_of })}</p>`}`;
}

/** @param {number|undefined} counted @param {number|undefined} own */
export const differs = (counted, own) => counted !== undefined && own !== undefined && Math.max(counted, own) > 0 && Math.abs(counted - own) > DIFFERS * Math.max(counted, own);

const CLASSES = /** @type {const} */ (['input', 'output', 'cache_creation', 'cache_read']);

/** @param {{rows: AgentUsage[]}} props */
function Table({ rows }) {
  return html`<div class="usage-scroll" tabindex="0" role="region" aria-label=${t('usage.title')}><table class="cost-table usage">
    <thead><tr><th scope="col">${t('usage.day')}</th><th scope="col">${t('usage.agent')}</th><th scope="col">${t('usage.model')}</th>
      ${CLASSES.map((one) => html`<th scope="col" class="num">${t(`usage.${one}`)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${`${row.day} ${row.agent_id} ${row.model}`}><td>${calendarDay(row.day)}</td>
      <td>${row.agent_id ? html`<code>${row.agent_id.slice(0, 9)}</code>` : t('usage.main')}</td><td>${row.model || t('misc.unknown')}</td>
      ${CLASSES.map((one) => html`<td class="num">${shortNumber(row.tokens[one])}</td>`)}</tr>`)}</tbody></table></div>`;
}
