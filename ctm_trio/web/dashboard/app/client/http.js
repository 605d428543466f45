/** One request to the daemon: the token, JSON both ways, a time limit, one kind of error. */
import { readToken } from './token.js';

/** @import { ErrorBody } from './types.js' */

/** Milliseconds after which a request is given up. The daemon itself gives up on tmux and git after 10 s. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** What went wrong, as the daemon names it. `status` 0: the daemon could not be reached. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {ErrorBody} [body] */
  constructor(status, code, message, body = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.body = body;
  }

  /** True when the request never got an answer. */
  get unreachable() {
    return this.status === 0;
  }
}

/** @type {(error: ApiError) => void} */
let onUnauthorized = () => {};

/** Called when the daemon no longer knows the token. @param {(error: ApiError) => void} handler */
export function setUnauthorizedHandler(handler) {
  onUnauthorized = handler;
}

/** @type {(time: number) => void} */
let onTime = () => {};

/** Called with the box's time (ms) whenever an answer has come. @param {(time: number) => void} handler */
export function setTimeHandler(handler) {
  onTime = handler;
}

/** Notes what time the box had when it began this answer. @param {Response} response */
export function noteTime(response) {
  const exact = Number(response.headers.get('X-Ctm-Time'));
  const time = exact || Date.parse(response.headers.get('Date') ?? '') + 500; // whole seconds: the middle of it
  if (time > 0) onTime(time);
}

/** @returns {Record<string, string>} */
export function authHeaders() {
  const token = readToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * @param {string} method
 * @param {string} url starts with "/"; the caller has encoded its parts.
 * @param {{body?: unknown, raw?: Blob, signal?: AbortSignal, text?: boolean, blob?: boolean, quiet401?: boolean,
 *   timeoutMs?: number, keepalive?: boolean}} [options]
 *   `raw`: sent as it is, with its own type. `text`, `blob`: the answer is not JSON. `quiet401`: a 401 is the caller's business (login). `keepalive`: it is sent even
 *   if the page goes away.
 * @returns {Promise<any>} the parsed answer; null for 204.
 * @throws {ApiError}
 */
export async function request(method, url, options = {}) {
  const limit = AbortSignal.timeout(options.timeoutMs ?? REQUEST_TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  /** @type {Record<string, string>} */
  const headers = { Accept: options.text ? 'text/plain' : 'application/json', ...authHeaders() };
  if (options.raw) headers['Content-Type'] = options.raw.type;
  else if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    response = await fetch(url, { method, headers, body, signal, cache: 'no-store', credentials: 'omit', keepalive: options.keepalive });
    noteTime(response);
    if (response.ok) return await readBody(response, options.blob ? 'blob' : options.text ? 'text' : 'json');
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, limit.aborted ? 'timeout' : 'unreachable', String(error));
  }
  const error = await readError(response);
  if (response.status === 401 && !options.quiet401) onUnauthorized(error);
  throw error;
}

/** @param {Response} response @param {'blob'|'text'|'json'} as */
async function readBody(response, as) {
  return response.status === 204 ? null : response[as]();
}

/** @param {Response} response */
async function readError(response) {
  /** @type {ErrorBody & {error?: string, message?: string}} */
  let body = {};
  try {
    body = await response.json();
  } catch {
    // not JSON: the status says enough
  }
  const retryAfter = Number(response.headers.get('Retry-After') ?? 0);
  const code = typeof body.error === 'string' ? body.error : `http_${response.status}`;
  return new ApiError(response.status, code, body.message ?? code, { ...body, retry_after: retryAfter });
}

/** A path from its parts, each encoded. @param {...string} parts */
export function path(...parts) {
  return parts.map((part, index) => (index % 2 ? encodeURIComponent(part) : part)).join('');
}

/** "?a=1&b=2" of what is set. @param {Record<string, string|number|boolean|undefined|null>} values */
export function query(values) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') params.set(key, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}
