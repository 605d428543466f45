/** Orders that outlast their request: the daemon answers 202 with where to look, and we look until it is done. */
import { ApiError, request } from './http.js';

/** @import { Answers, ErrorBody, UnderWay } from './types.js' */

/** What the daemon says of each kind of order (`/api/bootstrap`), in seconds; asked before the first order.
 *  @type {Answers['GET /api/bootstrap']['orders']|null} */
let limits = null;
/** Where it does not say: a time that fits all of them. */
const ANSWER_S = 12;

/** Seconds on top of the daemon's own: for the network, and for what is cut off to be taken back. */
const ANSWER_GRACE_S = 5;
const DEADLINE_GRACE_S = 15;
const LOOK_EVERY_MS = 1000;

/** @param {string} kind */
async function answerSeconds(kind) {
  limits ??= (await request('GET', '/api/bootstrap')).orders ?? {};
  return limits?.[kind]?.answer_s ?? ANSWER_S;
}

/**
 * Place an order and wait for its end, however long the daemon may take for it.
 * @param {string} kind as `/api/bootstrap` names it
 * @param {string} method @param {string} path @param {unknown} body
 * @returns {Promise<any>} the order's answer, as if it had come at once
 * @throws {ApiError}
 */
export async function order(kind, method, path, body) {
  const timeoutMs = ((await answerSeconds(kind)) + ANSWER_GRACE_S) * 1000;
  const answer = await request(method, path, { body, timeoutMs });
  return answer?.status === 'under_way' && answer.look ? follow(answer) : answer;
}

/** @param {UnderWay} later */
async function follow(later) {
  const until = performance.now() + (later.ends_within_s + DEADLINE_GRACE_S) * 1000;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    /** @type {Answers['GET /api/orders/{order}']|null} */
    let seen = null;
    try {
      seen = await request('GET', later.look);
    } catch (error) {
      const { unreachable } = /** @type {ApiError} */ (error);
      if (!unreachable || performance.now() > until) throw error;
    }
    if (seen?.answer) return result(seen.answer);
    if (performance.now() > until) throw new ApiError(504, 'overdue', later.message);
  }
}

/** @param {{status: number, body: unknown}} answer */
function result({ status, body }) {
  if (status < 400) return body;
  const problem = /** @type {(ErrorBody & {error?: string, message?: string})|null} */ (body);
  const code = typeof problem?.error === 'string' ? problem.error : `http_${status}`;
  throw new ApiError(status, code, problem?.message ?? code, problem ?? {});
}
