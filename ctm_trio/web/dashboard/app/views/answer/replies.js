/** The answers to questions while they are chosen, and how they are sent. */

/** @import { Question, Reply } from '../../client/types.js' */
/** @typedef {{labels: string[], other: string|null}} Draft `other`: a text of one's own, null while it is not wanted */

/** @type {Draft} */
export const EMPTY = { labels: [], other: null };

/** @param {Draft} draft @param {string} label @param {boolean} multi @returns {Draft} */
export function toggled(draft, label, multi) {
  const has = draft.labels.includes(label);
  if (!multi) return { labels: [label], other: null };
  return { ...draft, labels: has ? draft.labels.filter((one) => one !== label) : [...draft.labels, label] };
}

/** True if there is something to send. @param {Draft} draft */
export const isAnswered = (draft) => draft.labels.length > 0 || Boolean(draft.other?.trim());

/** Labels in the order of the question's options. @param {Question} question @param {Draft} draft @returns {Reply} */
export function replyOf(question, draft) {
  const labels = question.options.map((one) => one.label).filter((label) => draft.labels.includes(label));
  const other = draft.other?.trim() ? [{ other: draft.other.trim() }] : [];
  const parts = [...labels, ...other];
  return question.multiSelect || parts.length !== 1 ? parts : parts[0];
}

/** @param {Question[]} questions @param {Draft[]} drafts @returns {Record<string, Reply>} */
export function repliesOf(questions, drafts) {
  return Object.fromEntries(questions.map((question, index) => [question.question, replyOf(question, drafts[index])]));
}
