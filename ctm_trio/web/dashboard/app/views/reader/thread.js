/** What a sub-agent said, under the call that started it. */
import { api } from '../../client/index.js';
import { Fragment, html, useEffect, useMemo } from '../../html.js';
import { t } from '../../i18n/index.js';
import { onEvent, onGap } from '../../store/live.js';
import { Reading } from '../../store/reading.js';
import { Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { useAnswer } from '../../ui/use-answer.js';
import { toggle } from './context.js';
import { inputOf, taskOf } from './origin.js';

/** @import { Entry } from '../../client/types.js' */
/** @import { Context } from './context.js' */

/** Entries drawn under a call; all of them are in the thread's own view. */
const SHOWN = 60;
/** A sub-agent's start may be noted this much before its call. */
const EARLY_MS = 2000;
/** How soon the list of sub-agents is read again. */
const LOOK_MS = 2000;

/** @param {{entry: Entry, context: Context}} props */
export function ThreadOf({ entry, context }) {
  const starts = entry.started_agent !== undefined || /^(Agent|Task)$/.test(entry.tool ?? '');
  if (!starts) return null;
  const key = `${entry.id}/thread`;
  const open = context.opened.value.has(key);
  const what = taskOf(entry);
  return html`<div class="thread"><button class="thread-head" type="button" aria-expanded=${open} onClick=${() => toggle(context, key)}>
      <${Icon} name=${open ? 'down' : 'forward'} class="fold-mark" /><${Icon} name="agents" /><span>${t('reader.thread')}</span>${what && html`<span class="muted">${what}</span>`}</button>
    ${open && (entry.started_agent
      ? html`<${Thread} key=${entry.started_agent} agent=${entry.started_agent} call=${entry.id} context=${context} />`
      : html`<${Running} entry=${entry} description=${String(inputOf(entry).description ?? '')} context=${context} />`)}</div>`;
}

/** A call that has no result does not say yet whom it started: the list of sub-agents does.
 *  @param {{entry: Entry, description: string, context: Context}} props */
function Running({ entry, description, context }) {
  const found = useAnswer(() => (context.session ? api.subagents(context.session) : Promise.resolve({ subagents: [] })), [entry.id], { every: LOOK_MS });
  if (!found.answer) return found.error ? html`<p class="problem">${found.error.message}</p>` : html`<${Loading} rows=${2} />`;
  const later = found.answer.subagents.filter((one) => Date.parse(one.started_at) >= Date.parse(entry.ts) - EARLY_MS);
  const same = later.filter((one) => one.description === description);
  const running = later.filter((one) => one.status === 'running');
  const agent = (same.length ? same : running.length === 1 ? running : [])[0]?.id;
  return agent ? html`<${Thread} key=${agent} agent=${agent} call=${entry.id} context=${context} />` : html`<p class="muted thread-note">${t('reader.threadUnknown')}</p>`;
}

/** @param {{agent: string, call: string, context: Context}} props `call`: the entry that started it */
function Thread({ agent, call, context }) {
  const reading = useMemo(() => new Reading(context.whose, agent), [agent]);
  useEffect(() => {
    reading.start();
    const ends = context.session ? [
      onEvent((event) => event.type === 'conversation' && event.session === context.session && reading.live(event.payload.entries)),
      onGap(reading.catchUp),
    ] : [];
    return () => ends.forEach((end) => end());
  }, [reading]);
  const entries = reading.entries.value;
  if (reading.error.value && !entries.length) return html`<p class="problem">${reading.error.value.message}</p>`;
  if (!reading.loaded.value) return html`<${Loading} rows=${2} />`;
  if (!entries.length) return html`<p class="muted thread-note">${t('reader.threadEmpty')}</p>`;
  const hidden = reading.older.value || entries.length > SHOWN;
  return html`<div class="thread-body">
    <p class="thread-note"><a href=${context.pathOf('', agent, call)}>${t('reader.threadAlone')}</a>${hidden && html` <span class="muted">${t('reader.threadEnd', { n: Math.min(SHOWN, entries.length) })}</span>`}</p>
    ${entries.slice(-SHOWN).map((one) => html`<${Fragment} key=${one.id}>${context.draw(one, context)}<//>`)}
    ${reading.error.value && html`<p class="problem">${t('reader.moreFailed')} <button class="button small" type="button" onClick=${reading.retry}>${t('actions.retry')}</button></p>`}
  </div>`;
}
