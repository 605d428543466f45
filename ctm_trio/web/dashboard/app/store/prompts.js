/** What was said to each session lately, and what became of it. Source: PROTOCOL.md, Prompts and keys. */
import { talk } from '../client/index.js';
import { signal } from '../html.js';
import { timeOfId } from '../ids.js';
import { boxNow } from './clock.js';

/** @import { LiveEvent, Prompt } from '../client/types.js' */
/** @typedef {Prompt & {seen: number}} Said `seen`: ms when its state was last heard of */

/** Of the sessions whose page was open, newest last. @type {import('../html.js').Signal<Map<string, Said[]>>} */
export const prompts = signal(new Map());
const KEPT = 50;
/** Of one that its sender no longer wants. */
const TAKEN_BACK = 'taken_back';

/** @param {string} session @param {(list: Said[]) => Said[]} step */
function change(session, step) {
  prompts.value = new Map(prompts.value).set(session, step(prompts.value.get(session) ?? []).slice(-KEPT));
}

/** Notes a prompt, or what became of it. @param {string} session @param {Prompt} prompt @param {number} [seen] ms */
export function notePrompt(session, prompt, seen = boxNow()) {
  if (prompt.error === TAKEN_BACK) {
    dropPrompt(session, prompt.id);
    return;
  }
  const said = { reason: undefined, error: undefined, ...prompt, seen };
  change(session, (list) =>
    list.some((one) => one.id === prompt.id) ? list.map((one) => (one.id === prompt.id ? { ...one, ...said, text: one.text } : one)) : [...list, said],
  );
}

/** An event has only the beginning of a text; the one that is known stays. @param {LiveEvent} event */
export function applyPrompt({ type, session, payload, id: eventId }) {
  if (type !== 'prompt_sent' && type !== 'prompt_delivered' && type !== 'prompt_failed') return;
  const { id, text, state, reason, error } = payload;
  if (prompts.value.has(session)) notePrompt(session, { id, text, state, reason, error }, timeOfId(eventId));
}

/** Reads what was said to a session. @param {string} session @param {AbortSignal} signal_ */
export async function loadPrompts(session, signal_) {
  if (!prompts.value.has(session)) change(session, (list) => list); // from here on events are noted
  const answer = await talk.prompts(session, { signal: signal_ });
  const old = answer.prompts.filter((one) => one.error !== TAKEN_BACK);
  const seen = new Map(prompts.value.get(session)?.map((one) => [one.id, one]));
  change(session, (list) => [
    ...old.map((one) => ({ ...one, ...seen.get(one.id), text: one.text, seen: seen.get(one.id)?.seen ?? 0 })),
    ...list.filter((one) => !old.some((other) => other.id === one.id)),
  ]);
}

/** A held prompt was taken back. @param {string} session @param {string} id */
export function dropPrompt(session, id) {
  change(session, (list) => list.filter((one) => one.id !== id));
}

/** Forgets everything (log out). */
export function clearPrompts() {
  prompts.value = new Map();
}
