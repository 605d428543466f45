/** From the points of `/api/cost` to what the page shows. Points are running totals of their sessions. */

/**
 * @typedef {import('../../client/types.js').CostPoint} CostPoint
 * @typedef {{key: string, micros: number, tokens: {input: number, output: number, cache: number}, models: string[], sources: string[]}} Line
 */

/** One line a session, dearest first. @param {CostPoint[]} points @returns {Line[]} */
export function bySession(points) {
  /** @type {Map<string, CostPoint>} */
  const latest = new Map();
  for (const point of points) if (!latest.has(point.session) || point.ts >= (latest.get(point.session)?.ts ?? '')) latest.set(point.session, point);
  const lines = [...latest.values()].map((point) => ({
    key: point.session, micros: point.cost_usd_micros,
    tokens: { input: point.input_tokens, output: point.output_tokens, cache: point.cache_tokens },
    models: unique(points.filter((one) => one.session === point.session).map((one) => one.model ?? '')),
    sources: unique(points.filter((one) => one.session === point.session).map((one) => one.source ?? '')),
  }));
  return lines.sort((a, b) => b.micros - a.micros || a.key.localeCompare(b.key));
}

/** @param {string[]} values */
const unique = (values) => [...new Set(values.filter(Boolean))];

/** The sum of all sessions after each point. @param {CostPoint[]} points @returns {{times: number[], values: number[]}} seconds, dollars */
export function totalOverTime(points) {
  const sorted = [...points].sort((a, b) => (a.ts < b.ts ? -1 : 1));
  /** @type {Map<string, number>} */
  const now = new Map();
  let sum = 0;
  /** @type {number[]} */
  const times = [];
  /** @type {number[]} */
  const values = [];
  for (const point of sorted) {
    sum += point.cost_usd_micros - (now.get(point.session) ?? 0);
    now.set(point.session, point.cost_usd_micros);
    const at = Date.parse(point.ts) / 1000;
    if (times[times.length - 1] === at) values[values.length - 1] = sum / 1e6;
    else {
      times.push(at);
      values.push(sum / 1e6);
    }
  }
  return { times, values };
}
