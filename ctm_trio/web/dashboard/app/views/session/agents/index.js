/** Sub-agents as a tree, and teams; live. */
import { api } from '../../../client/index.js';
import { html, useEffect } from '../../../html.js';
import { span } from '../../../i18n/format.js';
import { hasText, t } from '../../../i18n/index.js';
import { sessionPath } from '../../../router.js';
import { now } from '../../../store/clock.js';
import { onEvent } from '../../../store/live.js';
import { Age, Empty, Failure, Loading, OutOfDate } from '../../../ui/bits.js';
import { Icon } from '../../../ui/icons.js';
import { useAnswer } from '../../../ui/use-answer.js';

const REFRESH_MS = 5000;
/** @type {Record<string, {icon: string, tone: string}>} */
const STATUS = {
  running: { icon: 'working', tone: 'good' },
  failed: { icon: 'error', tone: 'bad' },
  completed: { icon: 'check', tone: 'calm' },
};

/** @param {{session: import('../../../client/types.js').SessionView}} props */
export default function Agents({ session }) {
  const { name } = session;
  const { answer, at, error, retry } = useAnswer(
    () =>
      Promise.all([api.subagents(name), api.teams(name)]).then(([a, b]) => ({ agents: a.subagents, teams: b.teams })),
    [name],
    { every: REFRESH_MS },
  );
  useStarts(name, retry);
  const late = html`<${OutOfDate} error=${error} at=${at} retry=${retry} />`;
  if (!answer)
    return error ? html`<${Failure} error=${error} retry=${retry} />` : html`<div class="page"><${Loading} /></div>`;
  if (!answer.agents.length)
    return html`${late}<${Empty} icon="agents" title=${t('agents.none')} text=${t('agents.noneText')} />`;
  const running = answer.agents.filter((one) => one.status === 'running').length;
  return html`<div class="page agents">
    ${late}
    <p class="summary" role="status">${t('agents.summary', { n: answer.agents.length })}${running ? ` · ${t('agents.running', { n: running })}` : ''}</p>
    ${
      answer.teams.length > 0 &&
      html`<section class="group"><h2 class="group-head">${t('agents.teams')} <span class="muted">${answer.teams.length}</span></h2>
      <div class="teams">${answer.teams.map((team) => html`<${Team} key=${team.id} team=${team} />`)}</div></section>`
    }
    <section class="group"><h2 class="group-head">${t('agents.all')} <span class="muted">${answer.agents.length}</span></h2>
      <ul class="rows tree">${branches(answer.agents).map((one) => html`<${Agent} key=${one.agent.id} ...${one} name=${name} />`)}</ul></section>
  </div>`;
}

/** Calls `then` when a sub-agent of this session starts. @param {string} name @param {() => void} then */
function useStarts(name, then) {
  useEffect(
    () =>
      onEvent((event) => {
        if (event.type === 'subagent_start' && event.session === name) then();
      }),
    [name, then],
  );
}

/** @typedef {import('../../../client/types.js').SubAgent} SubAgent */

/**
 * Parents before their children, with depth. Whose parent is unknown, or who is in a circle of parents, is a root.
 * @param {SubAgent[]} agents @returns {{agent: SubAgent, depth: number}[]}
 */
export function branches(agents) {
  const known = new Set(agents.map((one) => one.id));
  const isRoot = (/** @type {SubAgent} */ one) => !one.parent_id || !known.has(one.parent_id);
  const children = Map.groupBy(agents, (one) => one.parent_id ?? '');
  /** @type {Map<string, {agent: SubAgent, depth: number}>} */
  const found = new Map();
  const visit = (/** @type {SubAgent} */ agent, /** @type {number} */ depth) => {
    if (found.has(agent.id)) return;
    found.set(agent.id, { agent, depth });
    for (const child of children.get(agent.id) ?? []) visit(child, depth + 1);
  };
  for (const agent of agents) if (isRoot(agent)) visit(agent, 0);
  for (const agent of agents) visit(agent, 0);
  return [...found.values()];
}

/** @param {{status: string}} props */
function Status({ status }) {
  const { icon, tone } = STATUS[status] ?? { icon: 'meta', tone: 'calm' };
  return html`<span class="badge" data-tone=${tone}><${Icon} name=${icon} class=${status === 'running' ? 'spin' : ''} />
    ${hasText(`agents.status.${status}`) ? t(`agents.status.${status}`) : status}</span>`;
}

/** Indents deeper than this look the same. */
const MAX_DEPTH = 4;

/** @param {{agent: SubAgent, depth: number, name: string}} props */
function Agent({ agent, depth, name }) {
  const end = agent.stopped_at ? Date.parse(agent.stopped_at) : agent.status === 'running' ? now.value : NaN;
  const length = end - Date.parse(agent.started_at);
  return html`<li class="agent" data-depth=${Math.min(depth, MAX_DEPTH)}>
    <div class="agent-what"><a class="row-link" href=${sessionPath(name, 'feed', `?agent=${encodeURIComponent(agent.id)}`)}>
      <bdi>${agent.description || t('agents.noDescription')}</bdi></a>
      <span class="muted">${agent.type || t('agents.noType')} · <code>${agent.id.slice(0, 9)}</code></span></div>
    <${Status} status=${agent.status} />
    <span class="num agent-calls">${t('agents.calls', { n: agent.tool_calls })}</span>
    <span class="num muted agent-when"><${Age} at=${agent.started_at} />${Number.isNaN(length) ? '' : ` · ${t('agents.ran', { span: span(length) })}`}</span>
  </li>`;
}

/** @param {{team: import('../../../client/types.js').Team}} props */
function Team({ team }) {
  return html`<article class="team">
    <header><h3>${team.name}</h3><${Status} status=${team.status} /></header>
    <p class="muted">${team.summary ? `${team.summary} · ` : ''}<${Age} at=${team.dispatched_at} /></p>
    <ul>${team.members.map((one) => html`<li key=${one.subagent_id}><bdi>${one.description || one.subagent_id}</bdi><${Status} status=${one.status} /></li>`)}</ul>
  </article>`;
}
