/**
 * Server-sent events over fetch (EventSource cannot send the Authorization header): parse, resume by the last id,
 * come back after a cut with growing pauses. A stream ends only when it is closed here, or on 401, 403 and 404.
 */
import { ApiError, authHeaders, noteTime } from './http.js';

/** First and longest pause before another try, in milliseconds. */
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
/** The daemon sends a comment every 15 s; silence for this long means that the connection is dead. */
const SILENCE_MS = 40_000;

/**
 * @typedef {{type: string, id: string, data: string}} Frame
 * @typedef {{state: 'connecting'|'live'|'lost', retryInMs: number, error?: ApiError}} StreamStatus
 * @typedef {{onFrames: (frames: Frame[]) => void, onStatus?: (status: StreamStatus) => void, onLost?: () => void,
 *   onHeard?: () => void, onEnd?: (error: ApiError) => void, endOn?: string}} StreamHandlers
 *   `onFrames` gets everything one read brought. `onHeard`: something came, if only a comment.
 *   `onLost`: events between the last id and the next frame are gone.
 *   `endOn`: an event type after which the daemon is done (the stream does not come back).
 */

/**
 * Splits a stream of text into frames. Comments are handed to `onComment`, with the frames that came before them in the
 * same chunk: who takes some out of the list has dealt with them.
 * @param {(comment: string, before: Frame[]) => void} onComment
 */
export function frameParser(onComment) {
  let rest = '';
  /** @type {{type: string, id: string, data: string[]}} */
  let frame = { type: '', id: '', data: [] };
  /** @param {string} chunk @returns {Frame[]} */
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    /** @type {Frame[]} */
    const frames = [];
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (frame.data.length)
          frames.push({ type: frame.type || 'message', id: frame.id, data: frame.data.join('\n') });
        frame = { type: '', id: '', data: [] };
      } else if (line.startsWith(':')) {
        onComment(line.slice(1).trim(), frames);
      } else {
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
        if (field === 'event') frame.type = value;
        else if (field === 'id') frame.id = value;
        else if (field === 'data') frame.data.push(value);
      }
    }
    return frames;
  };
}

/**
 * Opens a stream and keeps it open.
 * @param {string} url
 * @param {StreamHandlers} handlers
 * @param {string} [since] an event id to go on from.
 * @returns {{close: () => void, retryNow: () => void, lastId: () => string}}
 */
export function openStream(url, handlers, since = '') {
  let lastId = since;
  let closed = false;
  let failures = 0;
  /** @type {AbortController|null} */
  let attempt = null;
  /** @type {(() => void)|null} */
  let wake = null;

  const status = (/** @type {StreamStatus} */ value) => handlers.onStatus?.(value);

  async function once() {
    attempt = new AbortController();
    const { signal } = attempt;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let silence;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => attempt?.abort(), SILENCE_MS);
    };
    try {
      alive();
      const headers = { ...authHeaders(), Accept: 'text/event-stream', ...(lastId ? { 'Last-Event-ID': lastId } : {}) };
      const response = await fetch(url, { headers, signal, cache: 'no-store', credentials: 'omit' });
      noteTime(response);
      if (!response.ok || !response.body) throw new ApiError(response.status, `http_${response.status}`, url);
      status({ state: 'live', retryInMs: 0 });
      failures = 0;
      const take = (/** @type {Frame[]} */ frames) => {
        if (!frames.length) return;
        for (const frame of frames) if (frame.id) lastId = frame.id;
        handlers.onFrames(frames);
      };
      const parse = frameParser((comment, before) => {
        if (comment !== 'lost') return;
        take(before.splice(0)); // these are older than what is lost
        handlers.onLost?.();
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        handlers.onHeard?.();
        const frames = parse(value);
        take(frames);
        if (handlers.endOn && frames.some((frame) => frame.type === handlers.endOn)) return close();
      }
    } finally {
      clearTimeout(silence);
      attempt.abort();
    }
  }

  async function run() {
    status({ state: 'connecting', retryInMs: 0 });
    while (!closed) {
      /** @type {ApiError|undefined} */
      let error;
      try {
        await once();
      } catch (cause) {
        if (cause instanceof ApiError) error = cause;
      }
      if (closed) return;
      if (error && [401, 403, 404].includes(error.status)) {
        closed = true;
        return handlers.onEnd?.(error);
      }
      const pause = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures) * (0.75 + Math.random() / 2);
      failures += 1;
      status({ state: 'lost', retryInMs: pause, error });
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, pause);
        wake = () => {
          clearTimeout(timer);
          resolve(undefined);
        };
      });
      wake = null;
    }
  }

  function close() {
    closed = true;
    attempt?.abort();
    wake?.();
  }

  run();
  return {
    close,
    retryNow: () => {
      failures = 0;
      wake?.();
    },
    lastId: () => lastId,
  };
}
