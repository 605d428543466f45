/** What an event of the stream means: for the sessions, for the feeds, for the counts. */
import { t } from '../i18n/index.js';
import { timeOfId } from '../ids.js';
import { countCall } from './activity.js';
import { rowOf } from './feed.js';
import { applyPrompt } from './prompts.js';
import { applyRequest, closed } from './requests.js';
import { change, changeQuota, sessions, sessionsLoaded } from './sessions.js';
import { isWarning, warningWord, withWarning } from './status.js';

/** @import { LiveEvent, Quota, SessionQuota, SessionView } from '../client/types.js' */

/** The event of a frame, if it is one. Lifecycle events have a `name` for their session. @param {import('../client/sse.js').Frame} frame @returns {LiveEvent[]} */
export function eventsOf(frame) {
  const payload = parse(frame.data);
  if (!payload) return [];
  const event = { type: frame.type, session: payload.session ?? payload.name ?? '', payload, id: frame.id };
  return [/** @type {LiveEvent} */ (event)]; // what the daemon sends is as the protocol says
}

/** @param {string} data @returns {{session?: string, name?: string}|null} null for what is not a JSON object */
function parse(data) {
  try {
    const value = JSON.parse(data);
    return value && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/**
 * What an event means for everything but the sessions. @param {LiveEvent} event @param {import('./feed.js').Row[]} rows
 * @returns {boolean} true if the sessions have to be read again
 */
export function apply(event, rows) {
  const { session } = event;
  if (event.type === 'tool_call') {
    const row = rowOf({ ...event, ts: event.payload.ts });
    rows.push(row);
    countCall(session, row);
    return sessionsLoaded.value && !sessions.value.has(session) && noteNewName(session);
  }
  applyRequest(event);
  applyPrompt(event);
  if (event.type === 'quota_update') {
    if (!session) changeQuota(/** @type {Quota} */ (event.payload));
  } else if (event.type === 'request_opened') {
    rows.push(marker(event, 'attention', t(`feed.${event.type}`, { kind: t(`answer.kind.${event.payload.kind}`) })));
  } else if (event.type === 'request_closed') {
    const { id, state, answer } = event.payload;
    const payload = { at: answer?.at, details: closed.peek().get(id)?.summary };
    rows.push(marker({ ...event, payload }, 'session', t(`answer.state.${state}`)));
  } else if (event.type === 'prompt_sent' || event.type === 'prompt_failed') {
    rows.push(marker(event, event.type === 'prompt_failed' ? 'attention' : 'session', t(`feed.${event.type}`)));
  } else if (event.type === 'attention_raised') {
    const { state } = event.payload;
    if (isWarning(state)) rows.push(marker(event, 'attention', warningWord(state))); // the others are a request or a status
    return sessionsLoaded.value && !sessions.value.has(session) && noteNewName(session);
  } else if (event.type === 'status_changed') {
    return sessionsLoaded.value && !sessions.value.has(session) && noteNewName(session);
  } else if (isLifecycle(event)) {
    rows.push(marker(event, 'session', t(`feed.${event.type}`)));
    return true;
  }
  return false;
}

/** @typedef {Extract<LiveEvent, {type: 'session_new' | 'session_attached' | 'session_killed' | 'on_yolo'}>} Life */

/** @param {LiveEvent} event @returns {event is Life} one of a later version, too */
const isLifecycle = (event) => event.type.startsWith('session_') || event.type === 'on_yolo';

/** What an event means for its session. @param {Map<string, SessionView>} map @param {LiveEvent} event */
export function applyTo(map, { type, session, payload }) {
  const known = map.get(session);
  if (type === 'tool_call') {
    const at = Date.parse(payload.ts);
    if (at && !(Date.parse(known?.last_tool_call_at ?? '') >= at)) change(map, session, { last_tool_call_at: payload.ts });
  } else if (type === 'quota_update' && session) {
    change(map, session, figuresOf(/** @type {SessionQuota} */ (payload)));
  } else if (type === 'status_changed') {
    const { session: _, blocked, ...status } = payload;
    change(map, session, { status, blocked });
  } else if (type === 'attention_raised') {
    const { state, since, details } = payload;
    if (isWarning(state)) change(map, session, { warnings: withWarning(known?.warnings, state, { state, since, details }) });
  } else if (type === 'attention_cleared') {
    if (isWarning(payload.state)) change(map, session, { warnings: withWarning(known?.warnings, payload.state) });
  } else if (type === 'session_killed') {
    change(map, session, { tmux_alive: false, is_active: false });
  }
}

/** A session's figures as session views have them. @param {SessionQuota} payload @returns {Partial<SessionView>} */
function figuresOf({ context_pct, input_tokens, output_tokens, cache_tokens }) {
  const counted = [input_tokens, output_tokens, cache_tokens].some((count) => typeof count === 'number');
  const tokens = { input_tokens: input_tokens ?? 0, output_tokens: output_tokens ?? 0, cache_tokens: cache_tokens ?? 0 };
  return { context_pct: context_pct ?? undefined, tokens: counted ? tokens : undefined };
}

/** Names in events that the sessions list did not have: each is asked for once. @type {Set<string>} */
const askedFor = new Set();

/** Notes that a name is asked for. @param {string} name @returns {boolean} false if it was noted before */
function noteNewName(name) {
  if (askedFor.has(name)) return false;
  askedFor.add(name);
  return true;
}

/** Forgets the names that were asked for (log out). */
export const clearNames = () => askedFor.clear();

/** A row that is not a call.
 *  @param {{id: string, session: string, payload: {since?: string, ts?: string, at?: string, asked_at?: string, details?: string,
 *    summary?: string, text?: string}}} event
 *  @param {'attention'|'session'} kind @param {string} text @returns {import('./feed.js').Row} */
function marker(event, kind, text) {
  const at = Date.parse(event.payload.since ?? event.payload.ts ?? event.payload.asked_at ?? event.payload.at ?? '') || timeOfId(event.id);
  return {
    id: event.id,
    session: event.session,
    kind,
    tool: '',
    input: '',
    summary: event.payload.details ?? event.payload.summary ?? event.payload.text ?? '',
    isError: false,
    at,
    agentId: '',
    durationMs: -1,
    exitCode: null,
    text,
  };
}
