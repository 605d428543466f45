/** Answers on their way: each is sent once, a repeat of the same one has the same key, and what became of it is kept. */
import { asked } from '../client/index.js';
import { signal } from '../html.js';
import { newKey } from '../ids.js';
import { noteClosed, refreshRequests } from './requests.js';

/** @import { AnswerBody, BatchResult, Request } from '../client/types.js' */
/** @import { ApiError } from '../client/index.js' */

/**
 * @typedef {{id: string, key: string, body: AnswerBody, busy: boolean, code: string, problem: string, late: boolean}} Attempt
 *   `problem`: why it did not work, in words; `code`: the same for programs. `late`: somebody else was first.
 */

/** By request id, until it is answered or given up. @type {import('../html.js').Signal<Map<string, Attempt>>} */
export const attempts = signal(new Map());

/** @param {Attempt} attempt */
const put = (attempt) => (attempts.value = new Map(attempts.value).set(attempt.id, attempt));

/** Forgets what was tried. @param {string} id */
export function dropAttempt(id) {
  if (!attempts.value.has(id)) return;
  const map = new Map(attempts.value);
  map.delete(id);
  attempts.value = map;
}

/** @param {AnswerBody} a @param {AnswerBody} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Answers a request. @param {string} id @param {AnswerBody} body @returns {Promise<boolean>} true if this answer was taken */
export async function answer(id, body) {
  const before = attempts.value.get(id);
  if (before?.busy) return false;
  const key = before && same(before.body, body) ? before.key : newKey();
  put({ id, key, body, busy: true, code: '', problem: '', late: false });
  try {
    noteClosed(await asked.answer(id, { ...body, key }));
    dropAttempt(id);
    return true;
  } catch (error) {
    const { code, message, body: details } = /** @type {ApiError} */ (error);
    const is = /** @type {Request|undefined} */ (details?.request);
    if (is && is.state !== 'open') noteClosed(is);
    else if (code === 'request_not_found') refreshRequests();
    put({ id, key, body, busy: false, code, problem: message, late: code === 'request_closed' });
    return false;
  }
}

/** Keys of batches that got no answer, by what was sent. @type {Map<string, string>} */
const batchKeys = new Map();

/** The same choice for several requests, each on its own. @param {string[]} ids @param {string} choice
 *  @returns {Promise<BatchResult[]>} @throws {ApiError} */
export async function answerSeveral(ids, choice) {
  const what = JSON.stringify([ids, choice]);
  const key = batchKeys.get(what) ?? newKey();
  batchKeys.set(what, key);
  const { results } = await asked.answerSeveral({ ids, choice, key });
  batchKeys.delete(what);
  for (const { request } of results) if (request && request.state !== 'open') noteClosed(request);
  return results;
}

/** Forgets everything (log out). */
export function clearAttempts() {
  attempts.value = new Map();
  batchKeys.clear();
}
