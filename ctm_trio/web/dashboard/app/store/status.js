/** What a session's status means to its user: one word, one icon, one tone, one rank. Source: PROTOCOL.md, Status. */
import { t, hasText } from '../i18n/index.js';

/** @import { SessionView, Warning } from '../client/types.js' */

/**
 * Most urgent first, as the daemon ranks them. `tone` is a colour name of `tokens.css`; it never speaks alone.
 * @type {Record<string, {rank: number, icon: string, tone: string}>}
 */
const STATES = {
  permission: { rank: 0, icon: 'hand', tone: 'ask' },
  question: { rank: 1, icon: 'question', tone: 'ask' },
  plan: { rank: 2, icon: 'plan', tone: 'ask' },
  dialog: { rank: 3, icon: 'dialog', tone: 'ask' },
  failed: { rank: 4, icon: 'error', tone: 'bad' },
  limited: { rank: 5, icon: 'gauge', tone: 'warn' },
  waiting: { rank: 6, icon: 'speech', tone: 'plain' },
  exited: { rank: 7, icon: 'ended', tone: 'calm' },
  gone: { rank: 8, icon: 'unplugged', tone: 'calm' },
  working: { rank: 20, icon: 'working', tone: 'good' },
  background: { rank: 21, icon: 'hourglass', tone: 'good' },
  starting: { rank: 22, icon: 'working', tone: 'calm' },
  unheard: { rank: 23, icon: 'offline', tone: 'warn' },
};
/** A state the daemon may know one day and we do not. */
const UNKNOWN = { rank: 9, icon: 'alert', tone: 'warn' };
/** Before the daemon has looked at it. */
const UNSEEN = { rank: 24, icon: 'working', tone: 'calm' };

/** Warnings in the order of their weight, with their icons. `quota_high` is about the account and stands once, on top. */
const WARNINGS = new Map([
  ['error_burst', 'burst'], ['last_error_call', 'error'], ['context_imminent', 'gauge'], ['yolo_unchecked', 'shield'], ['stuck', 'hourglass'],
]);
export const ACCOUNT_WARNING = 'quota_high';

/** States in which a dialog of the client is open. */
const ASKING = new Set(['permission', 'question', 'plan', 'dialog']);
/** States in which no client runs. */
export const ENDED = new Set(['exited', 'gone']);
/** A session that ended longer ago than this is history, not a call for help. */
const ENDED_MS = 60 * 60_000;

/** What the daemon puts before Claude's own words; the badge says it already. */
const PREFIX = /^(?:Waits for you|Stopped by an error|A usage limit is reached|(?:Its sub-agent \S+ w|W)aits for [^:]*|(?:Its sub-agent \S+ asks|Asks) you|A dialog is open): /;

/**
 * @typedef {{key: string, group: 'needs'|'working'|'ended', rank: number, icon: string, tone: string, word: string,
 *   reason: string, since: string, asks: boolean}} Standing
 *   `asks`: it has a question that can be answered. `reason`: Claude's own words, or a sentence.
 */

/** @param {SessionView} session @param {number} now ms @returns {Standing} */
export function standing(session, now) {
  const { status } = session;
  if (!status) return { ...UNSEEN, key: 'unseen', group: 'working', word: t('status.unseen'), reason: '', since: '', asks: false };
  const over = ENDED.has(status.state) && now - Date.parse(status.since) > ENDED_MS;
  return {
    ...(STATES[status.state] ?? UNKNOWN),
    key: status.state,
    group: over ? 'ended' : session.blocked ? 'needs' : 'working',
    word: wordOf(status.state),
    reason: reasonOf(status.reason, !ASKING.has(status.state)),
    since: status.since,
    asks: ASKING.has(status.state),
  };
}

/** @param {string} state */
const wordOf = (state) => (hasText(`status.${state}`) ? t(`status.${state}`) : state.replaceAll('_', ' '));

/** Without what the badge says. @param {string} reason @param {boolean} sentence it is not a command that has its own spelling */
function reasonOf(reason, sentence) {
  const words = reason.replace(PREFIX, '').trim();
  return words && sentence ? words[0].toUpperCase() + words.slice(1) : words;
}

/** What is odd about a session, most weighty first. @param {SessionView} session
 *  @returns {{state: string, icon: string, word: string, details: string}[]} */
export function warningsOf(session) {
  const states = [...WARNINGS.keys()];
  return (session.warnings ?? [])
    .filter((one) => one.state !== ACCOUNT_WARNING)
    .sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state))
    .map(({ state, details }) => ({ state, icon: WARNINGS.get(state) ?? 'alert', word: warningWord(state), details }));
}

/** @param {string} state */
export const warningWord = (state) => (hasText(`warning.${state}`) ? t(`warning.${state}`) : state.replaceAll('_', ' '));

/** The warnings without or with one of this state. @param {Warning[]|undefined} list @param {string} state @param {Warning} [one] */
export function withWarning(list, state, one) {
  const others = (list ?? []).filter((each) => each.state !== state);
  return one ? [...others, one] : others;
}

/** True for a state that `warnings` may have. @param {string} state */
export const isWarning = (state) => WARNINGS.has(state) || state === ACCOUNT_WARNING;
