/** One session in the list. */
import { html, useMemo } from '../../html.js';
import { dollars, hourMinute, shortNumber, span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { callsByMinute, coveredSince } from '../../store/activity.js';
import { now, thisMinute } from '../../store/clock.js';
import { warningsOf } from '../../store/status.js';
import { Age, Gauge, Sparkline, StateBadge } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { shortDir } from '../../ui/paths.js';
import { About } from './about.js';

/** Draws a row again only when its entry is another one; ages and sparklines inside follow by themselves.
 *  @param {{entry: import('../../store/sessions.js').Entry}} props */
export function SessionRow({ entry }) {
  return useMemo(() => html`<${Row} ...${entry} />`, [entry]);
}

/** @param {import('../../store/sessions.js').Entry} props */
function Row({ session, standing }) {
  const cost = session.cost_usd_micros;
  return html`<li class="row" data-tone=${standing.group === 'needs' ? standing.tone : 'calm'}>
    <div class="row-who">
      <a class="row-link" href=${sessionPath(session.name)}>${session.name}</a>
      <${session.managed === false ? ByHand : Mode} mode=${session.mode} />
      <span class="row-dir" title=${session.workdir}><bdi>${shortDir(session.workdir)}</bdi></span>
    </div>
    <div class="row-state">
      <div class="row-badge"><${StateBadge} standing=${standing} />
        ${standing.since && html`<span class="row-since"><${Since} at=${standing.since} /></span>`}
        <${Warnings} session=${session} /></div>
      <span class="row-reason" title=${standing.reason}><${About} session=${session} standing=${standing} /></span>
    </div>
    <div class="row-calls"><${Calls} name=${session.name} /></div>
    <div class="row-context"><${Gauge} pct=${session.context_pct} label=${t('sessions.context')} /></div>
    <div class="row-tokens num" title=${tokensTitle(session.tokens)}>${session.tokens ? html`${shortNumber(sumTokens(session.tokens))}<small> ${t('sessions.tok')}</small>` : '–'}</div>
    <div class="row-cost num" title=${t('sessions.columns.cost')}>${cost === undefined ? '–' : dollars(cost)}</div>
    <div class="row-last num" title=${t('sessions.columns.last')}><${Age} at=${session.last_tool_call_at} /></div>
  </li>`;
}

/** Yolo runs without asking: it gets an icon and a word. @param {{mode: string}} props */
export function Mode({ mode }) {
  const label = mode === 'yolo' || mode === 'safe' ? t(`modes.${mode}`) : mode;
  return html`<span class="mode" data-mode=${mode}><${Icon} name=${mode === 'yolo' ? 'burst' : 'shield'} />${label}</span>`;
}

/** @param {{at: string}} props */
function Since({ at }) {
  return t('sessions.since', { span: span(now.value - Date.parse(at)) });
}

/** What is odd about it, blocking or not: an icon each, with its words. @param {{session: import('../../client/types.js').SessionView}} props */
export function Warnings({ session }) {
  return warningsOf(session).map(
    ({ state, icon, word, details }) => html`<span key=${state} class="warning-chip" title=${details ? `${word}: ${details}` : word}><${Icon} name=${icon} /><span>${word}</span></span>`,
  );
}

/** Somebody started it without us: it cannot be killed, renamed or forgotten from here. */
export function ByHand() {
  return html`<span class="mode" data-mode="hand" title=${t('session.byHandText')}><${Icon} name="hand" />${t('session.byHand')}</span>`;
}

/** Follows the calls of this session alone, and the minute. @param {{name: string}} props */
function Calls({ name }) {
  const series = callsByMinute(name, thisMinute.value);
  const total = (/** @type {number[]|undefined} */ list) => (list ?? []).reduce((a, b) => a + b, 0);
  const n = total(series?.calls);
  const since = coveredSince(thisMinute.value);
  const values = { n, errors: total(series?.errors), at: hourMinute(since) };
  const label = t(`sessions.${n ? 'calls' : 'noCalls'}${since ? 'Since' : ''}`, values);
  return html`<${Sparkline} calls=${series?.calls} errors=${series?.errors} label=${label} />`;
}

/** The input already counts what came from the cache. @param {import('../../client/types.js').Tokens} tokens */
export const sumTokens = (tokens) => tokens.input_tokens + tokens.output_tokens;

/** @param {import('../../client/types.js').Tokens|undefined} tokens */
export function tokensTitle(tokens) {
  if (!tokens) return t('sessions.columns.tokens');
  const { input_tokens, output_tokens, cache_tokens } = tokens;
  return t('sessions.tokens', {
    input: shortNumber(input_tokens),
    output: shortNumber(output_tokens),
    cache: shortNumber(cache_tokens),
  });
}
