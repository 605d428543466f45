/** The cost view: over time, by session, model and day, and where each figure comes from. */
import { api } from '../../client/index.js';
import { html, useMemo } from '../../html.js';
import { calendarDay, dollars, exactDollars } from '../../i18n/format.js';
import { hasText, t } from '../../i18n/index.js';
import { go } from '../../router.js';
import { boxNow } from '../../store/clock.js';
import { Empty, Failure, Loading, OutOfDate } from '../../ui/bits.js';
import { Chart } from '../../ui/chart.js';
import { Icon } from '../../ui/icons.js';
import { useAnswer } from '../../ui/use-answer.js';
import { Breakdown } from './breakdown.js';
import { bySession, linesOf, spentOverTime } from './figures.js';

/** @import { Line } from './figures.js' */

const WINDOWS = /** @type {const} */ (['hour', 'day', 'week']);
const EVERY_MS = 30_000;

/** @param {{query: Record<string, string>}} props */
export default function Cost({ query }) {
  const span = WINDOWS.find((one) => one === query.window) ?? 'day';
  const session = query.session ?? '';
  const { answer, at, error, retry } = useAnswer((signal) => api.cost({ window: span, session }, { signal }), [span, session], { every: EVERY_MS });
  return html`<div class="page narrow-page cost">
    <header class="page-head">
      <div><h1>${t('cost.title')}</h1><p class="summary" role="status">${session ? html`<span class="mono">${session}</span>` : t('cost.all')}</p></div>
      <div class="page-tools">
        ${session && html`<a class="button small" href=${address(span, '')} data-replace><${Icon} name="close" />${t('cost.close')}</a>`}
        <div class="segments" role="group" aria-label=${t('cost.window')}>${WINDOWS.map((one) => html`<button type="button" key=${one} aria-pressed=${span === one}
          onClick=${() => go(address(one, session), { replace: true })}>${t(`cost.windows.${one}`)}</button>`)}</div></div>
    </header>
    ${answer && html`<${OutOfDate} error=${error} at=${at} retry=${retry} />`}
    ${error && !answer ? html`<${Failure} error=${error} retry=${retry} />` : !answer ? html`<${Loading} rows=${6} />`
      : !answer.points.length ? html`<${Empty} icon="cost" title=${t('cost.noneTitle')} text=${t('cost.noneText')}><a class="button" href="/doctor">${t('doctor.title')}</a><//>`
      : html`<${Figures} answer=${answer} span=${span} session=${session} />`}
  </div>`;
}

/** @param {string} span @param {string} session */
function address(span, session) {
  const text = new URLSearchParams(Object.entries({ window: span === 'day' ? '' : span, session }).filter(([, value]) => value)).toString();
  return `/cost${text ? `?${text}` : ''}`;
}

/** @param {{answer: import('../../client/types.js').CostAnswer, span: 'hour'|'day'|'week', session: string}} props */
function Figures({ answer, span, session }) {
  const { totals, points, spent } = answer;
  const curve = useMemo(() => spentOverTime(points, answer.base ?? {}, boxNow()), [points]);
  const series = useMemo(() => [{ label: t('cost.cost'), values: curve.values, colour: '--accent-fill', fill: true }], [curve]);
  const lines = useMemo(() => bySession(answer), [answer]);
  const sum = lines.reduce((all, line) => all + line.micros, 0);
  const since = dayOf(spent?.since ?? '');
  const days = linesOf(spent?.days ?? {}).sort((a, b) => (a.key < b.key ? 1 : -1));
  return html`
    <section class="card cost-sum">
      <div class="cost-figures">
        <p class="cost-total"><strong class="num">${dollars(sum)}</strong> <span class="muted">${t(`cost.within.${span}`)}</span></p>
        <p class="muted">${t('cost.total', { sum: dollars(totals.cost_usd_micros), span: t(`cost.spans.${span}`) })}</p>
      </div>
      ${curve.times.length > 1 && html`<${Chart} label=${session ? t('cost.chartOf', { name: session }) : t('cost.chart')} times=${curve.times} series=${series}
        format=${(/** @type {number} */ value) => exactDollars(value * 1e6)} />`}
      <p class="cost-source muted"><${Icon} name="meta" /><span>${explain(answer)}</span></p>
    </section>
    ${!session && html`<${Breakdown} title=${t('cost.sessions')} head=${t('cost.session')} lines=${lines} href=${(/** @type {string} */ name) => address(span, name)}
      note=${(/** @type {Line} */ line) => [...(line.models ?? []), ...(answer.source === 'mixed' ? (line.sources ?? []).map(sourceName) : [])].join(' · ')} />`}
    <div class="two-fields">
      <${Breakdown} title=${t('cost.models', { day: since })} head=${t('cost.model')} lines=${linesOf(spent?.models ?? {})} label=${(/** @type {string} */ id) => id || t('cost.unknownModel')} />
      <${Breakdown} title=${t('cost.days', { day: since })} head=${t('cost.day')} lines=${days} label=${dayOf} />
    </div>`;
}

/** @param {string} source */
const sourceName = (source) => (hasText(`cost.sources.${source}`) ? t(`cost.sources.${source}`) : source);

/** Where the figures come from, in a sentence. @param {import('../../client/types.js').CostAnswer} answer */
function explain({ source, prices_as_of }) {
  if (!source || !hasText(`cost.explain.${source}`)) return t('cost.explain.unknown');
  return t(`cost.explain.${source}`, { date: prices_as_of || t('misc.unknown') });
}

/** Days are counted in UTC. @param {string} day "2026-04-21" */
const dayOf = (day) => (day ? calendarDay(`${day.slice(0, 10)}T00:00:00Z`) : '');
