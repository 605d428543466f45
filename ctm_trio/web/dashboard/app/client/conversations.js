/** What was said: pages of a conversation, exports, images, the list of all conversations, what a session used. */
import { path, query, request } from './http.js';
import { order } from './orders.js';

/** @import { Conversation, EntriesPage, UsageAnswer } from './conversation.js' */
/** @import { Answers } from './types.js' */
/** @typedef {{session: string}|{uuid: string}} Whose a session's conversation, or any by its id */
/** @typedef {{before?: string, after?: string, from?: 'start', limit?: number, agent?: string}} Wanted without an entry: the newest, or those that it starts with */
/** @typedef {{signal?: AbortSignal}} Options */
/** @typedef {{complete: boolean, left: number}} Progress `left`: transcripts that are not read to their end, 0 if that is not known */

/** An export of a long conversation takes its time. */
const EXPORT_TIMEOUT_MS = 120_000;

/** @param {Whose} whose @param {'session'|'entries'|'export'} what */
function address(whose, what) {
  if ('session' in whose) return path('/api/sessions/', whose.session, what === 'export' ? '/conversation/export' : '/conversation');
  return path('/api/conversations/', whose.uuid, what === 'export' ? '/export' : '/entries');
}

export const conversations = {
  /** Oldest first. @param {Whose} whose @param {Wanted} wanted @param {Options} [options] @returns {Promise<EntriesPage>} */
  page: (whose, wanted, options = {}) => request('GET', address(whose, 'entries') + query(wanted), options),
  /** @param {Whose} whose @param {'md'|'json'} format @returns {Promise<Blob>} */
  export: (whose, format) => request('GET', address(whose, 'export') + query({ format }), { blob: true, timeoutMs: EXPORT_TIMEOUT_MS }),
  /** An image by the path that its entry says. @param {string} src @param {Options} [options] @returns {Promise<Blob>} */
  media: (src, options = {}) => request('GET', src, { ...options, blob: true }),
  /** Newest first. @param {{q?: string, project?: string, before?: string, limit?: number}} wanted @param {Options} [options]
   *  @returns {Promise<{conversations: Conversation[], has_more: boolean}>} */
  list: (wanted, options = {}) => request('GET', `/api/conversations${query(wanted)}`, options),
  /** @param {string} uuid @param {Options} [options] @returns {Promise<Conversation>} */
  one: (uuid, options = {}) => request('GET', path('/api/conversations/', uuid), options),
  /** @param {string} name @param {Options} [options] @returns {Promise<UsageAnswer>} */
  usage: (name, options = {}) => request('GET', path('/api/sessions/', name, '/usage'), options),
  /** True when every transcript is indexed: until then pages end where the index does. The search says it with any answer.
   *  @param {Options} [options] @returns {Promise<boolean>} */
  indexed: async (options = {}) => (await request('GET', `/api/search${query({ q: 'the', in: 'conversation', limit: 1 })}`, options)).complete,
  /** How far the index is. @param {Options} [options] @returns {Promise<Progress>} */
  progress: async (options = {}) => {
    if (await conversations.indexed(options)) return { complete: true, left: 0 };
    const left = await request('GET', '/health', options).then(({ transcripts }) => transcripts.behind, () => 0);
    return { complete: false, left };
  },
  /** A session that goes on with a conversation. @param {{workdir: string, name?: string, mode: string, resume: string, fork: boolean}} body
   *  @returns {Promise<Answers['POST /api/sessions']>} */
  goOn: (body) => order('create', 'POST', '/api/sessions', body),
};
