/** What a session's state means to its user: one word, one icon, one tone, one rank. */
import { t, hasText } from '../i18n/index.js';

/**
 * Most urgent first, as the daemon ranks them. `tone` is a colour name of `tokens.css`; it never speaks alone.
 * @type {Record<string, {rank: number, icon: string, tone: string}>}
 */
const STATES = {
  tmux_dead: { rank: 0, icon: 'unplugged', tone: 'bad' },
  permission_request: { rank: 1, icon: 'hand', tone: 'ask' },
  last_error_call: { rank: 2, icon: 'error', tone: 'bad' },
  error_burst: { rank: 3, icon: 'burst', tone: 'bad' },
  quota_high: { rank: 4, icon: 'gauge', tone: 'warn' },
  context_imminent: { rank: 5, icon: 'gauge', tone: 'warn' },
  yolo_unchecked: { rank: 6, icon: 'shield', tone: 'warn' },
  stuck: { rank: 7, icon: 'hourglass', tone: 'warn' },
  waiting_input: { rank: 8, icon: 'speech', tone: 'ask' },
};
const WORKING = { rank: 20, icon: 'working', tone: 'good' };
const QUIET = { rank: 21, icon: 'quiet', tone: 'calm' };
const ENDED = { rank: 30, icon: 'ended', tone: 'calm' };
/** A state the daemon may know one day and we do not. */
const UNKNOWN = { rank: 9, icon: 'alert', tone: 'warn' };

/** States whose details are always the same words: ours say it better. The others carry what happened. */
const FIXED = new Set(['tmux_dead', 'last_error_call', 'yolo_unchecked', 'stuck', 'ended']);
/** Characters of the details that are shown: a line or two. */
const DETAILS_SHOWN = 200;

/** A session that made a call within this time is working. */
const WORKING_MS = 60_000;
/** A tmux session that ended longer ago than this is history, not a call for help. */
const ENDED_MS = 60 * 60_000;

/**
 * @typedef {{key: string, group: 'needs'|'working'|'quiet'|'ended', rank: number, icon: string, tone: string,
 *   word: string, reason: string, since?: string}} Standing
 */

/** @param {import('../client/types.js').SessionView} session @param {number} now ms @returns {Standing} */
export function standing(session, now) {
  const attention = session.attention;
  if (attention) {
    const longDead = attention.state === 'tmux_dead' && now - Date.parse(attention.since) > ENDED_MS;
    const known = longDead ? ENDED : (STATES[attention.state] ?? UNKNOWN);
    const key = longDead ? 'ended' : attention.state;
    return {
      ...known,
      key,
      group: longDead ? 'ended' : 'needs',
      since: attention.since,
      word: hasText(`state.${key}.word`) ? t(`state.${key}.word`) : attention.state.replaceAll('_', ' '),
      reason: reason(key, attention.details ?? ''),
    };
  }
  const last = Date.parse(session.last_tool_call_at ?? '');
  const working = session.tmux_alive && now - last < WORKING_MS;
  const plain = working ? WORKING : session.tmux_alive ? QUIET : ENDED;
  const key = working ? 'working' : session.tmux_alive ? 'quiet' : 'ended';
  return { ...plain, key, group: key, word: t(`state.${key}.word`), reason: t(`state.${key}.reason`) };
}

/** The daemon's details, or our sentence where they say nothing more. @param {string} key @param {string} details */
function reason(key, details) {
  const ours = hasText(`state.${key}.reason`) ? t(`state.${key}.reason`) : '';
  const characters = [...details.trim()]; // whole ones: a cut must not leave half of an emoji
  if (!characters.length || (ours && FIXED.has(key))) return ours;
  const cut = characters.length > DETAILS_SHOWN ? `${characters.slice(0, DETAILS_SHOWN - 1).join('')}…` : characters.join('');
  return cut[0].toUpperCase() + cut.slice(1);
}
