/** Lines over time with uPlot, loaded on demand, in the colours of the theme; a table says the same to screen readers. */
import { html, useEffect, useRef, useState } from '../html.js';
import { dayAndTime } from '../i18n/format.js';
import { theme } from '../store/prefs.js';
import { Loading } from './bits.js';
import { useDark } from './media.js';

/** @import uPlot from '../../vendor/uplot.js' */
/** @typedef {{label: string, values: (number|null)[], colour: string, fill?: boolean}} Series `colour`: a custom property's name */

const HEIGHT = 220;
/** Rows of the table that screen readers get. */
const TABLE_ROWS = 40;

/** Distances of the time marks in seconds: no two of them may read the same. */
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 96].map((n) => n * HOUR),
];

/** Sums are seen against nothing spent. @param {uPlot} _ @param {number} __ @param {number} top @returns {[number, number]} */
const fromZero = (_, __, top) => [0, (top || 1) * 1.08];

/** @type {Promise<typeof uPlot>|null} */
let library = null;

/** Loads uPlot and its style sheet once. */
function loadLibrary() {
  library ??= (() => {
    const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: '/vendor/uplot.css' });
    document.head.append(link);
    return import('../../vendor/uplot.js').then((module) => module.default);
  })();
  return library;
}

/** The value of a custom property, as a colour that a canvas understands. @param {HTMLElement} element @param {string} name */
function colour(element, name) {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/**
 * @param {{times: number[], series: Series[], label: string,
 *   format: (value: number) => string, stacked?: boolean, legend?: boolean}} props
 *   `times` in seconds.
 */
export function Chart({ times, series, label, format, legend = series.length > 1 }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const [plot, setPlot] = useState(/** @type {typeof uPlot|null} */ (null));
  const dark = useDark();
  useEffect(() => {
    loadLibrary().then((found) => setPlot(() => found));
  }, []);
  useEffect(() => {
    const element = box.current;
    if (!plot || !element) return undefined;
    const muted = colour(element, '--muted');
    const line = colour(element, '--line');
    const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '12px system-ui' };
    const chart = new plot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        scales: { y: { range: fromZero } },
        legend: { show: legend, live: false },
        cursor: { y: false, points: { size: 7 } },
        series: [
          {},
          ...series.map((one) => {
            const stroke = colour(element, one.colour);
            return {
              label: one.label,
              stroke,
              width: 2,
              spanGaps: true,
              points: { show: false },
              paths: plot.paths.stepped?.({ align: 1 }),
              fill: one.fill ? stroke.replace('rgb(', 'rgba(').replace(')', ', 0.14)') : undefined,
            };
          }),
        ],
        axes: [
          { ...axis, space: 70, size: 30, incrs: TIME_STEPS, values: timeLabels },
          { ...axis, size: 64, values: (/** @type {uPlot} */ _, /** @type {number[]} */ values) => values.map(format) },
        ],
        hooks: { setCursor: [(/** @type {uPlot} */ u) => showTip(element, u, series, format)] },
      },
      [times, ...series.map((one) => one.values)],
      element,
    );
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [plot, times, series, dark, theme.value]);
  const step = Math.ceil(times.length / TABLE_ROWS);
  return html`<figure class="chart" aria-label=${label}>
    <div ref=${box} class="chart-box" aria-hidden="true">${!plot && html`<${Loading} rows=${2} />`}<output class="chart-tip" hidden></output></div>
    <table class="sr"><caption>${label}</caption><thead><tr><th>t</th>${series.map((one) => html`<th>${one.label}</th>`)}</tr></thead>
      <tbody>${times.map(
        (at, i) =>
          i % step === 0 &&
          html`<tr><td>${dayAndTime(at * 1000)}</td>
        ${series.map((one) => html`<td>${one.values[i] === null ? '' : format(one.values[i] ?? 0)}</td>`)}</tr>`,
      )}</tbody></table>
  </figure>`;
}

/** Hours below a day and a half, else days. @param {uPlot} _ @param {number[]} ticks seconds */
function timeLabels(_, ticks) {
  const long = ticks.length > 1 && ticks[ticks.length - 1] - ticks[0] > 129_600;
  return ticks.map((at) =>
    new Date(at * 1000).toLocaleString(
      undefined,
      long ? { weekday: 'short', day: 'numeric' } : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    ),
  );
}

/** What the cursor points at, in words. @param {HTMLElement} element @param {uPlot} u @param {Series[]} series @param {(n: number) => string} format */
function showTip(element, u, series, format) {
  const tip = /** @type {HTMLElement} */ (element.querySelector('.chart-tip'));
  const { idx: at, left = 0 } = u.cursor;
  tip.hidden = typeof at !== 'number' || left < 0;
  if (typeof at !== 'number' || tip.hidden) return;
  const parts = series.map((one) => {
    const value = one.values[at];
    return value === null ? '' : `${series.length > 1 ? `${one.label} ` : ''}${format(value)}`;
  });
  tip.textContent = `${dayAndTime(u.data[0][at] * 1000)}  ${parts.filter(Boolean).join(' · ')}`;
}
