/** What a session is about right now: what it asks, what it does, or Claude's last words. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { lastCall } from '../../store/activity.js';
import { requestsOf } from '../../store/requests.js';
import { shorten, toolName } from '../../ui/tool.js';

/** @import { Request, SessionView } from '../../client/types.js' */
/** @import { Standing } from '../../store/status.js' */

/** @param {{session: SessionView, standing: Standing}} props */
export function About({ session, standing }) {
  const asked = standing.asks ? requestsOf(session.name)[0] : undefined;
  if (asked) return html`<${Asked} request=${asked} />`;
  if (standing.key !== 'working') return standing.reason;
  const call = lastCall(session.name);
  return call ? html`<b class="tool-name">${toolName(call.tool)}</b> <bdi class="mono">${shorten(call.input, session.workdir)}</bdi>` : t('status.reasonWorking');
}

/** @param {{request: Request}} props */
function Asked({ request: { kind, tool, summary, agent_id, agent_type, cwd } }) {
  const agent = agent_id ? html`<span class="muted">${agent_type || agent_id}: </span>` : '';
  if (kind !== 'permission' || !tool) return html`${agent}<bdi>${summary}</bdi>`;
  return html`${agent}<b class="tool-name">${toolName(tool)}</b> <bdi class="mono">${shorten(summary, cwd)}</bdi>`;
}

/** The same as words, for filters and titles. @param {SessionView} session @param {Standing} standing */
export function aboutWords(session, standing) {
  const asked = standing.asks ? requestsOf(session.name)[0] : undefined;
  return asked ? `${asked.tool} ${asked.summary}` : standing.reason;
}
