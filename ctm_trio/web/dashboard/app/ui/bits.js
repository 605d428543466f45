/** Small pieces used everywhere: standing badge, gauge, sparkline, age, empty state. */
import { html } from '../html.js';
import { ago, dayAndTime, hourMinute } from '../i18n/format.js';
import { t } from '../i18n/index.js';
import { now } from '../store/clock.js';
import { useFocusLeft } from './focus.js';
import { Icon } from './icons.js';

/** @import { Children } from '../html.js' */

/** State in words, icon and colour. @param {{standing: import('../store/status.js').Standing}} props */
export function StateBadge({ standing }) {
  return html`<span class="badge" data-tone=${standing.tone}>
    <${Icon} name=${standing.icon} class=${standing.key === 'working' ? 'spin' : ''} />${standing.word}
  </span>`;
}

/** "3 min ago", following the clock. @param {{at: string|number|undefined}} props */
export function Age({ at }) {
  const title = at === undefined ? '' : dayAndTime(at);
  return html`<time class="age" title=${title}>${ago(at, now.value)}</time>`;
}

/** A bar that says how full something is, in a number too. @param {{pct: number|undefined, label: string, high?: number}} props */
export function Gauge({ pct, label, high = 80 }) {
  if (pct === undefined) return html`<span class="gauge muted" title=${label}>–</span>`;
  const tone = pct >= high ? (pct >= 90 ? 'bad' : 'warn') : 'plain';
  return html`<span class="gauge" data-tone=${tone} title=${label}>
    <svg class="gauge-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="gauge-track" width="100" height="6" /><rect class="gauge-fill" width=${Math.min(100, pct)} height="6" />
    </svg>
    <span class="gauge-text"><span class="sr">${label} </span>${pct}%</span>
  </span>`;
}

/** Calls a minute; failed ones in another colour at the foot. @param {{calls: number[]|undefined, errors?: number[], label: string}} props */
export function Sparkline({ calls, errors, label }) {
  const list = calls ?? [];
  const top = Math.max(4, ...list);
  const height = (/** @type {number} */ n) => (n ? Math.max(2, (n / top) * 20) : 0);
  return html`<svg class="spark" viewBox="0 0 120 22" preserveAspectRatio="none" role="img" aria-label=${label}>
    <title>${label}</title>
    <line class="spark-base" x1="0" x2="120" y1="21.500" y2="21.500" />
    ${list.map((n, i) => n > 0 && html`<rect class="spark-bar" x=${i * 4 + 0.5} width="3" y=${21 - height(n)} height=${height(n)} />`)}
    ${errors?.map((n, i) => n > 0 && html`<rect class="spark-error" x=${i * 4 + 0.5} width="3" y=${21 - height(n)} height=${height(n)} />`)}
  </svg>`;
}

/** Nothing here, and what to do about it. @param {{icon: string, title: string, text?: string, children?: Children}} props */
export function Empty({ icon, title, text, children }) {
  return html`<div class="empty">
    <${Icon} name=${icon} /><h2>${title}</h2>${text && html`<p>${text}</p>`}${children}
  </div>`;
}

/** What went wrong, and a way to try again. @param {{error: Error & {unreachable?: boolean}, retry?: () => void}} props */
export function Failure({ error, retry }) {
  const ref = useFocusLeft();
  return html`<div class="empty" role="alert" ref=${ref}>
    <${Icon} name="alert" />
    <h2>${t('errors.title')}</h2>
    <p>${error.unreachable ? t('errors.unreachable') : error.message}</p>
    ${retry && html`<button class="button" onClick=${retry}>${t('actions.retry')}</button>`}
  </div>`;
}

/** Beside an older answer: asking again failed. @param {{error: Error|null, at: number, retry: () => void}} props `at`: ms */
export function OutOfDate({ error, at, retry }) {
  if (!error) return null;
  return html`<${RetryNote} class="note out-of-date" retry=${retry}><${Icon} name="alert" /><span>${t('errors.outOfDate', { at: hourMinute(at) })}</span><//>`;
}

/** What is missing beside that which is there, and a way to try again. @param {{class: string, retry: () => void, children?: Children}} props */
export function RetryNote({ class: name, retry, children }) {
  const ref = useFocusLeft();
  return html`<p class=${name} role="status" ref=${ref}>${children}
    <button class="button small" type="button" onClick=${retry}>${t('actions.retry')}</button></p>`;
}

/** Grey lines where something will be. @param {{rows?: number}} props */
export function Loading({ rows = 4 }) {
  return html`<div class="loading" role="status">
    <span class="sr">${t('misc.loading')}</span>${Array.from({ length: rows }, () => html`<i class="bone"></i>`)}
  </div>`;
}

/** An icon button with a name. @param {{icon: string, label: string, onClick: (event: Event) => void, class?: string, [attribute: string]: unknown}} props */
export function IconButton({ icon, label, class: extra = '', ...rest }) {
  return html`<button class=${`icon-button ${extra}`} type="button" aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} />
  </button>`;
}
