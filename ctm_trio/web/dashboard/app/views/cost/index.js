/** The cost view: over time, by session, model and day, and where each figure comes from. */
import { api } from '../../client/index.js';
import { html, useMemo } from '../../html.js';
import { dollars, shortNumber } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { go } from '../../router.js';
import { Empty, Failure, Loading } from '../../ui/bits.js';
import { Chart } from '../../ui/chart.js';
import { Icon } from '../../ui/icons.js';
import { useAnswer } from '../../ui/use-answer.js';
import { bySession, totalOverTime } from './figures.js';
import { Breakdown } from './breakdown.js';

const WINDOWS = /** @type {const} */ (['hour', 'day', 'week']);
const EVERY_MS = 30_000;

/** @param {{query: Record<string, string>}} props */
export default function Cost({ query }) {
  const span = WINDOWS.find((one) => one === query.window) ?? 'day';
  const session = query.session ?? '';
  const { answer, error, retry } = useAnswer((signal) => api.cost({ window: span, session }, { signal }), [span, session], { every: EVERY_MS });
  return html`<div class="page narrow-page cost">
    <header class="page-head">
      <div><h1>${t('cost.title')}</h1><p class="summary" role="status">${session ? html`<span class="mono">${session}</span>` : t('cost.all')}</p></div>
      <div class="page-tools">
        ${session && html`<a class="button small" href=${address(span, '')} data-replace><${Icon} name="close" />${t('cost.close')}</a>`}
        <div class="segments" role="group" aria-label=${t('cost.window')}>${WINDOWS.map((one) => html`<button type="button" key=${one} aria-pressed=${span === one}
          onClick=${() => go(address(one, session), { replace: true })}>${t(`cost.windows.${one}`)}</button>`)}</div></div>
    </header>
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
  const { totals, points } = answer;
  const lines = useMemo(() => bySession(points), [points]);
  const curve = useMemo(() => totalOverTime(points), [points]);
  const series = useMemo(() => [{ label: t('cost.cost'), values: curve.values, colour: '--accent-fill', fill: true }], [curve]);
  return html`
    <section class="card cost-sum">
      <div class="cost-figures">
        <p class="cost-total"><strong class="num">${dollars(totals.cost_usd_micros)}</strong> <span class="muted">${t(`cost.spent.${span}`)}</span></p>
        <dl class="cost-tokens">${/** @type {const} */ (['input', 'output', 'cache']).map((kind) => html`<div key=${kind}><dt>${t(`cost.${kind}`)}</dt>
          <dd class="num">${shortNumber(totals[kind])}</dd></div>`)}</dl>
      </div>
      ${curve.times.length > 1 && html`<${Chart} label=${session ? t('cost.chartOf', { name: session }) : t('cost.chart')} times=${curve.times} series=${series}
        format=${(/** @type {number} */ value) => dollars(value * 1e6)} />`}
    </section>
    ${!session && html`<${Breakdown} title=${t('cost.sessions')} head=${t('cost.session')} lines=${lines} total=${totals.cost_usd_micros}
      href=${(/** @type {string} */ name) => address(span, name)} />`}
    ${answer.by_model && html`<${Breakdown} title=${t('cost.models')} head=${t('cost.model')} lines=${answer.by_model} total=${totals.cost_usd_micros} />`}
    ${answer.by_day && html`<${Breakdown} title=${t('cost.days')} head=${t('cost.day')} lines=${answer.by_day} total=${totals.cost_usd_micros} />`}`;
}
