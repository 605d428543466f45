/** Everything known about a session: figures, cost over time, files, and the actions that end it. */
import { api } from '../../../client/index.js';
import { html, useMemo, useState } from '../../../html.js';
import { bytes, dayAndTime, dollars, exactDollars, shortNumber } from '../../../i18n/format.js';
import { t } from '../../../i18n/index.js';
import { boxNow } from '../../../store/clock.js';
import { sessions } from '../../../store/sessions.js';
import { warningsOf } from '../../../store/status.js';
import { Age, Empty, Failure, Gauge, Loading } from '../../../ui/bits.js';
import { Chart } from '../../../ui/chart.js';
import { copy } from '../../../ui/copy.js';
import { Icon } from '../../../ui/icons.js';
import { useAnswer } from '../../../ui/use-answer.js';
import { bySession, spentOverTime } from '../../cost/figures.js';
import { attachCommand, SessionDialogs } from '../actions.js';
import { Usage } from './usage.js';

/** @param {{session: import('../../../client/types.js').SessionView}} props */
export default function Meta({ session }) {
  const [dialog, setDialog] = useState('');
  const usage = useAnswer(() => api.logsUsage(), []);
  const files = usage.answer?.files.filter((file) => file.session === session.name || file.uuid === session.uuid) ?? [];
  return html`<div class="page meta">
    <section class="card meta-cost"><${Cost} session=${session} /></section>
    <section class="card"><h2>${t('meta.about')}</h2><dl class="pairs">
      <${Pair} label=${t('meta.workdir')}><${Copyable} text=${session.workdir} /><//>
      <${Pair} label=${t('meta.uuid')}><${Copyable} text=${session.uuid} /><//>
      ${session.managed !== false && html`<${Pair} label=${t('meta.attach')}><${Copyable} text=${attachCommand(session.name)} /><//>`}
      <${Pair} label=${t('meta.mode')}>${session.mode}<//>
      <${Pair} label=${t('meta.tmux')}>${t(session.tmux_alive ? 'meta.alive' : 'meta.gone')}<//>
      <${Pair} label=${t('meta.created')}>${dayAndTime(session.created_at)} <span class="muted">(<${Age} at=${session.created_at} />)</span><//>
      <${Pair} label=${t('meta.attached')}>${session.last_attached_at ? dayAndTime(session.last_attached_at) : t('time.never')}<//>
      <${Pair} label=${t('meta.lastCall')}>${session.last_tool_call_at ? dayAndTime(session.last_tool_call_at) : t('time.never')}<//>
    </dl></section>
    <section class="card"><h2>${t('meta.figures')}</h2><dl class="pairs">
      <${Pair} label=${t('sessions.columns.context')}><${Gauge} pct=${session.context_pct} label=${t('sessions.context')} /><//>
      ${
        /** @type {const} */ (['input', 'output', 'cache']).map(
          (kind) => html`<${Pair} label=${t(`meta.${kind}`)}>
        ${session.tokens ? shortNumber(session.tokens[`${kind}_tokens`]) : t('misc.unknown')}<//>`,
        )
      }
      <${Pair} label=${t('meta.log')}>${usage.error ? t('meta.logUnknown') : usage.answer ? bytes(files.reduce((n, file) => n + file.bytes, 0)) : '…'}
        ${files.length > 0 && html` <span class="muted">${t('meta.files', { n: files.length })}</span>`}<//>
      ${warningsOf(session).map((one) => html`<${Pair} key=${one.state} label=${one.word}>${one.details}<//>`)}
    </dl></section>
    <section class="card meta-end"><${Usage} name=${session.name} cost=${session.cost_usd_micros} /></section>
    ${session.managed === false ? html`<section class="card meta-end"><h2>${t('session.byHand')}</h2><p class="muted">${t('session.byHandText')}</p></section>` : html`<section class="card meta-end"><h2>${t('meta.actions')}</h2>
      <p class="muted">${t('meta.actionsText')}</p>
      <div class="meta-buttons">
        <button class="button" onClick=${() => setDialog('rename')}><${Icon} name="pencil" />${t('session.rename')}</button>
        <button class="button" disabled=${!session.tmux_alive} onClick=${() => setDialog('kill')}><${Icon} name="stop" />${t('session.kill')}</button>
        <button class="button" onClick=${() => setDialog('forget')}><${Icon} name="trash" />${t('session.forget')}</button>
      </div></section>`}
    ${sessions.value.has(session.name) && html`<${SessionDialogs} session=${session} open=${dialog} onClose=${() => setDialog('')} />`}
  </div>`;
}

/** @param {{label: string, children: import('../../../html.js').Children}} props */
function Pair({ label, children }) {
  return html`<div><dt>${label}</dt><dd>${children}</dd></div>`;
}

/** @param {{text: string}} props */
function Copyable({ text }) {
  return html`<button class="copyable mono" title=${t('actions.copy')} onClick=${() => copy(text)}><bdi>${text}</bdi><${Icon} name="copy" /></button>`;
}

const WINDOWS = /** @type {const} */ (['hour', 'day', 'week']);

/** What it spent in a span, and in all. @param {{session: import('../../../client/types.js').SessionView}} props */
function Cost({ session }) {
  const { name } = session;
  const [span, setSpan] = useState(/** @type {'hour'|'day'|'week'} */ ('day'));
  const { answer, error, retry } = useAnswer(
    (signal) => api.cost({ session: name, window: span }, { signal }),
    [name, span],
  );
  const points = answer?.points ?? [];
  const line = answer && bySession(answer).find((one) => one.key === name);
  const curve = useMemo(() => spentOverTime(points, answer?.base ?? {}, boxNow()), [answer]);
  const series = useMemo(() => [{ label: t('meta.cost'), values: curve.values, colour: '--accent-fill', fill: true }], [curve]);
  const all = session.cost_usd_micros ?? line?.all;
  return html`<header class="card-head"><h2>${t('meta.cost')}</h2>
      <p class="meta-sums">${answer && html`<span><strong class="num">${dollars(line?.micros ?? 0)}</strong> <span class="muted">${t(`cost.within.${span}`)}</span></span>`}
        ${all !== undefined && html`<span class="muted num">${t('meta.costAll', { sum: dollars(all) })}</span>`}</p>
      <div class="segments" role="group" aria-label=${t('meta.window')}>${WINDOWS.map(
        (one) => html`<button type="button" aria-pressed=${span === one}
        onClick=${() => setSpan(one)}>${t(`meta.windows.${one}`)}</button>`,
      )}</div></header>
    ${
      error
        ? html`<${Failure} error=${error} retry=${retry} />`
        : !answer
          ? html`<${Loading} rows=${2} />`
          : points.length < 2
            ? html`<${Empty} icon="cost" title=${t(points.length ? 'meta.oneCost' : 'meta.noCost')}
              text=${t(points.length ? 'meta.oneCostText' : 'meta.noCostText')} />`
            : html`<${Chart} label=${t('meta.costLabel', { name })} times=${curve.times} series=${series}
          format=${(/** @type {number} */ value) => exactDollars(value * 1e6)} />`
    }`;
}
