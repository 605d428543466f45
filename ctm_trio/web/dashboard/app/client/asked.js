/** What sessions ask and are told: requests and their answers, prompts, keys, and whether anybody looks. */
import { path, query, request } from './http.js';
import { order } from './orders.js';

/** @import { AnswerBody, Answers, BatchResult, Explained, Prompt, Request } from './types.js' */

/** The daemon takes an image that comes within a minute. */
const IMAGE_TIMEOUT_MS = 75_000;

const of = (/** @type {string} */ name, rest = '') => path('/api/sessions/', name, rest);

export const asked = {
  /** Oldest first. @returns {Promise<{requests: Request[]}>} */
  open: () => request('GET', `/api/requests${query({ state: 'open' })}`),
  /** @param {string} id @returns {Promise<Request>} */
  one: (id) => request('GET', path('/api/requests/', id)),
  /** @param {string} id @param {AnswerBody & {key: string}} body `key`: the same for a repeat of the same answer
   *  @returns {Promise<Request>} the request as it is then */
  answer: (id, body) => order('answer', 'POST', path('/api/requests/', id, '/answer'), body),
  /** @param {{ids: string[], choice: string, key: string}} body @returns {Promise<{results: BatchResult[]}>} */
  answerSeveral: (body) => order('answer', 'POST', '/api/requests/answer', body),
  /** Why a session has its status. @param {string} name @param {{signal?: AbortSignal}} [options] @returns {Promise<Explained>} */
  explain: (name, options = {}) => request('GET', of(name, '/explain'), options),
  /** Says what this page shows. @param {{page: string, visible: boolean, session?: string}} what @param {boolean} [last] the page is going away
   *  @returns {Promise<null>} */
  presence: (what, last = false) => request('POST', '/api/presence', { body: what, keepalive: last }),
};

export const talk = {
  /** @param {string} name @param {{text: string, key: string, when: 'now'|'idle'}} body
   *  @returns {Promise<{id: string, state: Prompt['state']}>} */
  prompt: (name, body) => order('prompt', 'POST', of(name, '/prompt'), body),
  /** Keeps an image for a prompt to name. @param {string} name @param {Blob} image @param {AbortSignal} signal
   *  @returns {Promise<Answers['POST /api/sessions/{name}/images']>} where its file is */
  image: (name, image, signal) => request('POST', of(name, '/images'), { raw: image, signal, timeoutMs: IMAGE_TIMEOUT_MS }),
  /** The last fifty. @param {string} name @param {{signal?: AbortSignal}} [options] @returns {Promise<{prompts: Prompt[]}>} */
  prompts: (name, options = {}) => request('GET', of(name, '/prompts'), options),
  /** Takes a prompt that is held back. @param {string} name @param {string} id @returns {Promise<unknown>} */
  takeBack: (name, id) => request('DELETE', `${of(name)}${path('/prompts/', id)}`),
  /** As Esc does. @param {string} name @returns {Promise<{ended: boolean}>} */
  interrupt: (name) => order('interrupt', 'POST', of(name, '/interrupt'), {}),
  /** @param {string} name @param {string[]} keys by their names on the wire @returns {Promise<null>} */
  keys: (name, keys) => order('keys', 'POST', of(name, '/keys'), { keys }),
};
