/** From the answer of `/api/cost` to what the page shows. Points are running totals of their sessions. */

/**
 * @typedef {import('../../client/types.js').CostPoint} CostPoint
 * @typedef {{key: string, micros: number, all?: number, models?: string[], sources?: string[]}} Line
 *   `micros`: spent. `all`: the session's cost from its beginning.
 */

/** @param {Record<string, number>} spent @returns {Line[]} dearest first */
export function linesOf(spent) {
  return Object.entries(spent).map(([key, micros]) => ({ key, micros })).sort((a, b) => b.micros - a.micros || a.key.localeCompare(b.key));
}

/** Every session with what it spent in the window, what it cost in all, on which models, and how that is known.
 *  @param {import('../../client/types.js').CostAnswer} answer @returns {Line[]} */
export function bySession({ points, base }) {
  /** @type {Map<string, Line & {models: string[], sources: string[]}>} */
  const lines = new Map();
  for (const point of points) { // oldest first: the last one of a session stays
    const line = lines.get(point.session) ?? { key: point.session, micros: 0, models: [], sources: [] };
    line.all = point.cost_usd_micros;
    line.micros = Math.max(0, point.cost_usd_micros - (base?.[point.session] ?? 0));
    if (point.model && !line.models.includes(point.model)) line.models.push(point.model);
    if (point.source && !line.sources.includes(point.source)) line.sources.push(point.source);
    lines.set(point.session, line);
  }
  return [...lines.values()].sort((a, b) => b.micros - a.micros || (b.all ?? 0) - (a.all ?? 0) || a.key.localeCompare(b.key));
}

/**
 * What was spent since the window began, after each point and at the end. @param {CostPoint[]} points oldest first
 * @param {Record<string, number>} base each session's cost when the window began
 * @param {number} until ms @returns {{times: number[], values: number[]}} seconds, dollars
 */
export function spentOverTime(points, base, until) {
  const latest = new Map(Object.entries(base));
  let sum = 0;
  /** @type {number[]} */
  const times = [];
  /** @type {number[]} */
  const values = [];
  const add = (/** @type {number} */ at) => {
    if (times[times.length - 1] >= at) values[values.length - 1] = sum / 1e6;
    else {
      times.push(at);
      values.push(sum / 1e6);
    }
  };
  for (const point of points) {
    sum += Math.max(0, point.cost_usd_micros - (latest.get(point.session) ?? 0)); // nothing that was spent comes back
    latest.set(point.session, point.cost_usd_micros);
    add(Math.floor(Date.parse(point.ts) / 1000));
  }
  if (times.length) add(Math.floor(until / 1000));
  return { times, values };
}
