/** The daemon's API, one function a route. Everything else in the page goes through here. */
import { path, query, request } from './http.js';
import { order } from './orders.js';
import { openStream } from './sse.js';

export { asked, talk } from './asked.js';
export { conversations } from './conversations.js';
export { ApiError, setTimeHandler, setUnauthorizedHandler } from './http.js';
export { onTokenChange, readToken, writeToken } from './token.js';

/** @import { Answers, Bodies, Queries } from './types.js' */
/** @typedef {{signal?: AbortSignal}} Options */

/** An id above every id: "before" it is the newest page of history. */
export const NEWEST = '9223372036854775807-0';

const get = (/** @type {string} */ url, /** @type {Options} */ options = {}) => request('GET', url, options);
const post = (/** @type {string} */ url, /** @type {unknown} */ body, options = {}) =>
  request('POST', url, { body, ...options });
const of = (/** @type {string} */ name, rest = '') => path('/api/sessions/', name, rest);

export const auth = {
  /** @returns {Promise<Answers['GET /api/auth/status']>} */
  status: () => request('GET', '/api/auth/status', { quiet401: true }),
  /** @param {string} username @param {string} password @param {string} [code] the one-time code, where one is asked for
   *  @returns {Promise<Answers['POST /api/auth/signup']>} */
  signup: (username, password, code) =>
    post('/api/auth/signup', { username, password, ...(code && { code }) }, { quiet401: true }),
  /** @param {string} username @param {string} password @returns {Promise<Answers['POST /api/auth/login']>} */
  login: (username, password) => post('/api/auth/login', { username, password }, { quiet401: true }),
  /** @returns {Promise<Answers['POST /api/auth/logout']>} */
  logout: () => request('POST', '/api/auth/logout', { quiet401: true }),
};

export const api = {
  /** Answers everybody. @returns {Promise<Answers['GET /healthz']>} */
  healthz: () => get('/healthz'),
  /** @returns {Promise<Answers['GET /api/bootstrap']>} */
  bootstrap: () => get('/api/bootstrap'),
  /** @returns {Promise<Answers['GET /api/sessions']>} */
  sessions: () => get('/api/sessions'),
  /** @param {string} name @returns {Promise<Answers['GET /api/sessions/{name}']>} */
  session: (name) => get(of(name)),
  /** @returns {Promise<Answers['GET /api/quota']>} null while no limit was ever seen. */
  quota: () => get('/api/quota'),
  /** @param {string} name @param {string} [before] @param {number} [limit] @param {Options} [options]
   *  @returns {Promise<Answers['GET /api/sessions/{name}/feed/history']>} newest first */
  history: (name, before = NEWEST, limit = 200, options = {}) =>
    get(of(name, `/feed/history${query({ before, limit })}`), options),
  /** @param {string} name @param {string} id @param {Options} [options]
   *  @returns {Promise<Answers['GET /api/sessions/{name}/tool_calls/{call}/detail']>} */
  detail: (name, id, options = {}) => get(`${of(name)}${path('/tool_calls/', id, '/detail')}`, options),
  /** @param {string} name @returns {Promise<Answers['GET /api/sessions/{name}/subagents']>} */
  subagents: (name) => get(of(name, '/subagents')),
  /** @param {string} name @returns {Promise<Answers['GET /api/sessions/{name}/teams']>} */
  teams: (name) => get(of(name, '/teams')),
  /** @param {string} name @param {number} [limit]
   *  @returns {Promise<Answers['GET /api/sessions/{name}/checkpoints']>} */
  checkpoints: (name, limit = 50) => get(of(name, `/checkpoints${query({ limit })}`)),
  /** @param {string} name @param {string} sha
   *  @returns {Promise<Answers['GET /api/sessions/{name}/checkpoints/{sha}/diff']>} a unified diff */
  checkpointDiff: (name, sha) => request('GET', `${of(name)}${path('/checkpoints/', sha, '/diff')}`, { text: true }),
  /** @param {string} name @param {string} sha @param {boolean} stashFirst
   *  @returns {Promise<Answers['POST /api/sessions/{name}/revert']>} */
  revert: (name, sha, stashFirst) => order('revert', 'POST', of(name, '/revert'), { sha, stash_first: stashFirst }),
  /** @returns {Promise<Answers['GET /api/logs/usage']>} */
  logsUsage: () => get('/api/logs/usage'),
  /** @param {Queries['GET /api/cost']} [filter] @param {Options} [options]
   *  @returns {Promise<Answers['GET /api/cost']>} */
  cost: (filter = {}, options = {}) => get(`/api/cost${query(filter)}`, options),
  /** @param {import('./types.js').SearchFilter} filter @param {Options} [options]
   *  @returns {Promise<import('./types.js').SearchAnswer>} */
  search: (filter, options = {}) => get(`/api/search${query(filter)}`, options),
  /** @param {Options} [options] @returns {Promise<Answers['GET /api/doctor']>} */
  doctor: (options = {}) => get('/api/doctor', options),
  /** @returns {Promise<Answers['GET /health']>} */
  health: () => get('/health'),
  /** @param {Options} [options] @returns {Promise<Answers['GET /api/config']>} */
  config: (options = {}) => get('/api/config', options),
  /** @param {Bodies['PATCH /api/config']} patch absent keys stay as they are
   *  @returns {Promise<Answers['PATCH /api/config']>} */
  patchConfig: (patch) => order('config', 'PATCH', '/api/config', patch),
  /** Sends a test message. @returns {Promise<Answers['POST /api/webhook/test']>} what came back */
  webhookTest: () => order('webhook_test', 'POST', '/api/webhook/test', {}),
  /** @param {Options} [options] @returns {Promise<Answers['GET /api/webhook/settings']>} */
  webhookSettings: (options = {}) => get('/api/webhook/settings', options),
  /** @param {Options} [options] @returns {Promise<Answers['GET /api/webhook/deliveries']>} newest first */
  webhookDeliveries: (options = {}) => get('/api/webhook/deliveries', options),
  /** @param {Bodies['POST /api/sessions']} what @returns {Promise<Answers['POST /api/sessions']>} */
  create: (what) => order('create', 'POST', '/api/sessions', what),
  /** Starts it again where it was. @param {string} name @returns {Promise<Answers['POST /api/sessions/{name}/resume']>} */
  resume: (name) => order('resume', 'POST', of(name, '/resume'), {}),
  /** @param {string} name @param {string} confirm the name as the user typed it
   *  @returns {Promise<Answers['POST /api/sessions/{name}/kill']>} */
  kill: (name, confirm) => order('kill', 'POST', of(name, '/kill'), { confirm }),
  /** @param {string} name @param {string} confirm
   *  @returns {Promise<Answers['POST /api/sessions/{name}/forget']>} */
  forget: (name, confirm) => order('forget', 'POST', of(name, '/forget'), { confirm }),
  /** @param {string} name @param {string} to @returns {Promise<Answers['POST /api/sessions/{name}/rename']>} */
  rename: (name, to) => order('rename', 'POST', of(name, '/rename'), { to }),
  /** @param {string} name @param {Bodies['POST /api/sessions/{name}/input']} what
   *  @returns {Promise<Answers['POST /api/sessions/{name}/input']>} */
  input: (name, what) => order('input', 'POST', of(name, '/input'), what),
};

export const streams = {
  /** Every session's events. @param {import('./sse.js').StreamHandlers} handlers @param {string} [since] */
  all: (handlers, since) => openStream('/events/all', handlers, since),
  /** The live screen of a session. @param {string} name @param {number} history lines
   *  @param {import('./sse.js').StreamHandlers} handlers */
  pane: (name, history, handlers) =>
    openStream(`${path('/events/session/', name)}/pane${query({ history })}`, { ...handlers, endOn: 'pane_end' }),
};
