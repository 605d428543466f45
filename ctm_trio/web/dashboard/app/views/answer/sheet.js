/** What a session asks, with its answers: one request at a time, on the session's page and in "Next". */
import { html } from '../../html.js';
import { span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { answer, attempts, dropAttempt } from '../../store/answering.js';
import { now } from '../../store/clock.js';
import { toast } from '../../store/toasts.js';
import { useFocusLeft } from '../../ui/focus.js';
import { useGuard } from '../../ui/guard.js';
import { Icon } from '../../ui/icons.js';
import { Attach } from './attach.js';
import { becameOf } from './outcome.js';
import { Permission } from './permission.js';
import { Plan } from './plan.js';
import { Question } from './question.js';
import { Rows } from './rows.js';

/** @import { AnswerBody, Request } from '../../client/types.js' */

const KINDS = { permission: Permission, question: Question, plan: Plan, dialog: Rows };
const ICONS = { permission: 'hand', question: 'question', plan: 'plan', dialog: 'dialog' };

/**
 * What a kind of request gets to draw itself.
 * @typedef {{request: Request, send: (body: AnswerBody) => void, busy: string, ready: () => boolean, digits: boolean}} KindProps
 *   `busy`: the choice that is being sent, "" if none is. `ready`: false while taps are not taken. `digits`: 1 to 9 choose.
 */

/**
 * @param {{request: Request, showSession?: boolean, bare?: boolean, digits?: boolean, onAnswered: (request: Request) => void,
 *   children?: import('../../html.js').Children}} props `bare`: what it is and since when
 *   stands above it already. `onAnswered`: our answer was taken
 */
export function AnswerSheet({ request, showSession, bare, digits = false, onAnswered, children }) {
  const { id, kind } = request;
  const guard = useGuard(`${id} ${request.answerable}`);
  const left = useFocusLeft();
  const attempt = attempts.value.get(id);
  const send = async (/** @type {AnswerBody} */ body) => {
    if (!(await answer(id, body))) return;
    toast(becameOf(id, request, body), 'good');
    onAnswered(request);
  };
  const byRows = request.choices.some((one) => one.id.startsWith('row_'));
  const Kind = byRows ? Rows : KINDS[kind];
  const ready = () => guard.current !== null && !('guard' in guard.current.dataset);
  return html`<section class="sheet" ref=${both(guard, left)} data-kind=${kind} data-risk=${request.risk} aria-label=${t(`answer.kind.${kind}`)}>
    <header class="sheet-head">
      ${!bare && html`<span class="badge" data-tone="ask"><${Icon} name=${ICONS[kind]} />${t(`answer.kind.${kind}`)}</span>`}
      ${request.risk === 'high' && html`<span class="badge" data-tone="bad" title=${t('answer.riskText')}><${Icon} name="alert" />${t('answer.risk')}</span>`}
      ${showSession && html`<a class="sheet-session" href=${sessionPath(request.session)}>${request.session}</a>`}
      ${request.agent_id && html`<span class="sheet-agent" title=${request.agent_id}><${Icon} name="robot" />${t('answer.agent', { agent: request.agent_type || request.agent_id })}</span>`}
      ${!bare && html`<span class="sheet-since num">${t('sessions.since', { span: span(now.value - Date.parse(request.asked_at)) })}</span>`}
      ${children}
    </header>
    ${attempt && !attempt.busy && !attempt.late && html`<${Problem} attempt=${attempt} session=${request.session} again=${() => send(attempt.body)} />`}
    ${!attempt?.busy && (request.answerable === 'no' || onlyThere(request))
      ? html`<${Closed} request=${request} />`
      : html`<${Kind} key=${id} request=${request} send=${send} busy=${attempt?.busy ? attempt.body.choice : ''} ready=${ready} digits=${digits} />`}
    ${request.answerable === 'keys' && !onlyThere(request) && html`<p class="sheet-note"><${Icon} name="keyboard" />${t('answer.byKeys')}</p>`}
  </section>`;
}

/** Keys can bring one choice of one question, and no more. @param {Request} request */
function onlyThere({ kind, answerable, choices, questions = [] }) {
  const rows = choices.some((one) => one.id.startsWith('row_'));
  return kind === 'question' && answerable === 'keys' && !rows && (questions.length !== 1 || questions[0].multiSelect === true);
}

/** One element for two. @param {...{current: HTMLElement|null}} refs */
const both = (...refs) => (/** @type {HTMLElement|null} */ element) => refs.forEach((ref) => (ref.current = element));

/** It cannot be answered from here. @param {{request: Request}} props */
function Closed({ request }) {
  return html`<div class="sheet-body">
    ${request.summary && (request.kind === 'permission' ? html`<pre class="block sheet-command">${request.summary}</pre>` : html`<p class="sheet-question">${request.summary}</p>`)}
    <p class="sheet-why"><${Icon} name="alert" /><span>${request.why_not || t(onlyThere(request) ? 'answer.inTerminal' : 'answer.no')}</span></p>
    <${Attach} session=${request.session} />
  </div>`;
}

/** The answer was not taken. @param {{attempt: import('../../store/answering.js').Attempt, session: string, again: () => void}} props */
function Problem({ attempt, session, again }) {
  const terminal = attempt.code === 'not_answerable' || attempt.code === 'not_taken';
  return html`<div class="problem sheet-problem" role="alert">
    <p>${attempt.code === 'unreachable' || attempt.code === 'timeout' ? t('errors.unreachable') : attempt.problem}</p>
    <div class="sheet-line">
      <button class="button small" type="button" onClick=${again}>${t('actions.retry')}</button>
      <button class="button small" type="button" onClick=${() => dropAttempt(attempt.id)}>${t('actions.close')}</button>
      ${terminal && html`<${Attach} session=${session} />`}
    </div>
  </div>`;
}
