/** The daemon's API, one function a route. Everything else in the page goes through here. */
import { path, query, request } from './http.js';
import { order } from './orders.js';
import { openStream } from './sse.js';
import './types.js';

export { ApiError, setTimeHandler, setUnauthorizedHandler } from './http.js';
export { onTokenChange, readToken, writeToken } from './token.js';

/** @typedef {import('./types.js').SessionView} SessionView */
/** @typedef {{signal?: AbortSignal}} Options */

/** An id above every id: "before" it is the newest page of history. */
export const NEWEST = '9223372036854775807-0';

const get = (/** @type {string} */ url, /** @type {Options} */ options = {}) => request('GET', url, options);
const post = (/** @type {string} */ url, /** @type {unknown} */ body, options = {}) =>
  request('POST', url, { body, ...options });
const of = (/** @type {string} */ name, rest = '') => path('/api/sessions/', name, rest);

export const auth = {
  /** @returns {Promise<{registered: boolean, authenticated: boolean}>} */
  status: () => request('GET', '/api/auth/status', { quiet401: true }),
  /** @param {string} username @param {string} password @param {string} [code] the one-time code, where one is asked for
   *  @returns {Promise<{token: string, username: string}>} */
  signup: (username, password, code) =>
    post('/api/auth/signup', { username, password, ...(code && { code }) }, { quiet401: true }),
  /** @param {string} username @param {string} password @returns {Promise<{token: string, username: string}>} */
  login: (username, password) => post('/api/auth/login', { username, password }, { quiet401: true }),
  logout: () => request('POST', '/api/auth/logout', { quiet401: true }),
};

export const api = {
  /** Answers everybody. @returns {Promise<{status: string, uptime_seconds: number}>} */
  healthz: () => get('/healthz'),
  /** @returns {Promise<{version: string, port: number, has_webhook: boolean}>} */
  bootstrap: () => get('/api/bootstrap'),
  /** @returns {Promise<SessionView[]>} */
  sessions: () => get('/api/sessions'),
  /** @param {string} name @returns {Promise<SessionView>} */
  session: (name) => get(of(name)),
  /** @returns {Promise<import('./types.js').Quota|null>} null while no limit was ever seen. */
  quota: () => get('/api/quota'),
  /** @param {string} name @param {string} [before] @param {number} [limit] @param {Options} [options]
   *  @returns {Promise<{events: import('./types.js').WireEvent[], has_more: boolean}>} newest first */
  history: (name, before = NEWEST, limit = 200, options = {}) =>
    get(of(name, `/feed/history${query({ before, limit })}`), options),
  /** @param {string} name @param {string} id @param {Options} [options]
   *  @returns {Promise<import('./types.js').CallDetail>} */
  detail: (name, id, options = {}) => get(`${of(name)}${path('/tool_calls/', id, '/detail')}`, options),
  /** @param {string} name @returns {Promise<{subagents: import('./types.js').SubAgent[]}>} */
  subagents: (name) => get(of(name, '/subagents')),
  /** @param {string} name @returns {Promise<{teams: import('./types.js').Team[]}>} */
  teams: (name) => get(of(name, '/teams')),
  /** @param {string} name @param {number} [limit]
   *  @returns {Promise<{git_workdir: boolean, checkpoints: import('./types.js').Checkpoint[], incomplete?: boolean}>} */
  checkpoints: (name, limit = 50) => get(of(name, `/checkpoints${query({ limit })}`)),
  /** @param {string} name @param {string} sha @returns {Promise<string>} a unified diff */
  checkpointDiff: (name, sha) => request('GET', `${of(name)}${path('/checkpoints/', sha, '/diff')}`, { text: true }),
  /** @param {string} name @param {string} sha @param {boolean} stashFirst
   *  @returns {Promise<{ok: boolean, reverted_to: string, stashed_as?: string, kept_in?: string, kept?: string[]}>} */
  revert: (name, sha, stashFirst) => order('revert', 'POST', of(name, '/revert'), { sha, stash_first: stashFirst }),
  /** @returns {Promise<{dir: string, total_bytes: number,
   *    files: {uuid: string, session: string, bytes: number, mtime: string}[]}>} */
  logsUsage: () => get('/api/logs/usage'),
  /** @param {{session?: string, window?: 'hour'|'day'|'week'}} [filter] @param {Options} [options]
   *  @returns {Promise<import('./types.js').CostAnswer>} */
  cost: (filter = {}, options = {}) => get(`/api/cost${query(filter)}`, options),
  /** @param {{q: string, session?: string, tool?: string, limit?: number, before?: string}} filter
   *  @param {Options} [options]
   *  @returns {Promise<{query: string, matches: import('./types.js').SearchMatch[], truncated: boolean, complete: boolean}>} */
  search: (filter, options = {}) => get(`/api/search${query(filter)}`, options),
  /** @param {Options} [options] @returns {Promise<{checks: import('./types.js').DoctorCheck[]}>} */
  doctor: (options = {}) => get('/api/doctor', options),
  /** @returns {Promise<any>} */
  health: () => get('/health'),
  /** @param {Options} [options] @returns {Promise<import('./types.js').ConfigView>} */
  config: (options = {}) => get('/api/config', options),
  /** @param {Record<string, any>} patch also the webhook's format, events and secret; absent keys stay as they are */
  patchConfig: (patch) => order('config', 'PATCH', '/api/config', patch),
  /** Sends a test message. @returns {Promise<{status: number|null, error?: string, took_ms?: number}>} what came back */
  webhookTest: () => order('webhook_test', 'POST', '/api/webhook/test', {}),
  /** @param {Options} [options] @returns {Promise<{webhook_format: string, webhook_events: string[], has_secret: boolean}>} */
  webhookSettings: (options = {}) => get('/api/webhook/settings', options),
  /** @param {Options} [options] @returns {Promise<{deliveries: import('./types.js').Delivery[]}>} newest first */
  webhookDeliveries: (options = {}) => get('/api/webhook/deliveries', options),
  /** @param {{workdir: string, name?: string, mode?: string, initial_prompt?: string}} what @returns {Promise<SessionView>} */
  create: (what) => order('create', 'POST', '/api/sessions', what),
  /** @param {string} name @param {string} confirm the name as the user typed it */
  kill: (name, confirm) => order('kill', 'POST', of(name, '/kill'), { confirm }),
  /** @param {string} name @param {string} confirm */
  forget: (name, confirm) => order('forget', 'POST', of(name, '/forget'), { confirm }),
  /** @param {string} name @param {string} to @returns {Promise<SessionView>} */
  rename: (name, to) => order('rename', 'POST', of(name, '/rename'), { to }),
  /** @param {string} name @param {{text: string}|{preset: 'yes'|'no'|'continue'|'follow'}|{key: string}} what */
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
