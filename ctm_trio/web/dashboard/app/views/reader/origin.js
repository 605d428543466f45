/** The call that started a sub-agent: what it was sent for, and where its thread belongs. */
import { conversations } from '../../client/index.js';
import { useAnswer } from '../../ui/use-answer.js';

/** @import { Whose } from '../../client/conversations.js' */
/** @import { Entry } from '../../client/types.js' */

/** Pages of the main thread that are looked through for it, newest first, and how many entries the daemon gives at once. */
const MOST_PAGES = 8;
const PAGE = 500;

/** @param {Entry} entry */
export const inputOf = (entry) => /** @type {{description?: unknown, subagent_type?: unknown}} */ (entry.input ?? {});

/** What a sub-agent is and does, as its call says it; '' if it does not. @param {Entry} entry */
export function taskOf(entry) {
  const { subagent_type: type, description } = inputOf(entry);
  return [type, description].filter((one) => typeof one === 'string' && one).join(' · ');
}

/** The call, null until it is found. @param {Whose} whose @param {string} agent '' for the main thread @param {string} call its id, '' if that is not known */
export function useOrigin(whose, agent, call) {
  const { answer } = useAnswer((signal) => (agent ? find(whose, agent, call, signal) : Promise.resolve(null)), [JSON.stringify(whose), agent, call]);
  return answer ?? null;
}

/** @param {Whose} whose @param {string} agent @param {string} call @param {AbortSignal} signal @returns {Promise<Entry|null>} */
async function find(whose, agent, call, signal) {
  const known = call && (await entryOf(whose, call, signal).catch(() => null));
  if (known) return known;
  let before = '';
  for (let at = 0; at < MOST_PAGES; at += 1) {
    const page = await conversations.page(whose, { limit: PAGE, ...(before && { before }) }, { signal });
    const found = page.entries.find((one) => one.started_agent === agent);
    if (found || !page.has_more || !page.entries.length) return found ?? null;
    before = page.entries[0].id;
  }
  return null;
}

/** An entry of the main thread. @param {Whose} whose @param {string} id @param {AbortSignal} signal */
async function entryOf(whose, id, signal) {
  const { entries: [next] } = await conversations.page(whose, { after: id, limit: 1 }, { signal });
  const { entries } = await conversations.page(whose, { limit: 1, ...(next && { before: next.id }) }, { signal });
  return entries.find((one) => one.id === id) ?? null;
}
