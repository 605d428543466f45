/** From the answer of `/api/cost` to what the page shows. Points are running totals of their sessions. */

/**
 * @typedef {import('../../client/types.js').CostPoint} CostPoint
 * @typedef {{key: string, micros: number, all?: number, models?: string[], sources?: string[]}} Line
 *   `micros`: spent since `spent.since`. `all`: the session's cost from its beginning.
 */

/** @param {Record<string, number>} spent @returns {Line[]} dearest first */
export function linesOf(spent) {
  return Object.entries(spent).map(([key, micros]) => ({ key, micros })).sort((a, b) => b.micros - a.micros || a.key.localeCompare(b.key));
}

/** Every session with what it spent, what it cost in all, on which models, and how that is known.
 *  @param {import('../../client/types.js').CostAnswer} answer @returns {Line[]} */
export function bySession({ points, spent }) {
  /** @type {Map<string, Line & {models: string[], sources: string[]}>} */
  const lines = new Map(Object.entries(spent?.sessions ?? {}).map(([key, micros]) => [key, { key, micros, models: [], sources: [] }]));
  for (const point of points) { // oldest first: the last one of a session stays
    const line = lines.get(point.session) ?? { key: point.session, micros: 0, models: [], sources: [] };
    line.all = point.cost_usd_micros;
    if (point.model && !line.models.includes(point.model)) line.models.push(point.model);
    if (point.source && !line.sources.includes(point.source)) line.sources.push(point.source);
    lines.set(point.session, line);
  }
  return [...lines.values()].sort((a, b) => b.micros - a.micros || (b.all ?? 0) - (a.all ?? 0) || a.key.localeCompare(b.key));
}

/**
 * The sum of all sessions after each point, and at the end. @param {CostPoint[]} points oldest first
 * @param {number} until ms @returns {{times: number[], values: number[]}} seconds, dollars
 */
export function totalOverTime(points, until) {
  /** @type {Map<string, number>} */
  const latest = new Map();
  let sum = 0;
  /** @type {number[]} */
  const times = [];
  /** @type {number[]} */
  const values = [];
  for (const point of points) {
    sum += point.cost_usd_micros - (latest.get(point.session) ?? 0);
    latest.set(point.session, point.cost_usd_micros);
    const at = Math.floor(Date.parse(point.ts) / 1000);
    if (times[times.length - 1] === at) values[values.length - 1] = sum / 1e6;
    else {
      times.push(at);
      values.push(sum / 1e6);
    }
  }
  const end = Math.floor(until / 1000);
  if (times.length && end > times[times.length - 1]) {
    times.push(end);
    values.push(sum / 1e6);
  }
  return { times, values };
}
