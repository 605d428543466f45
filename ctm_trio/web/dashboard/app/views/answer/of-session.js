/** What a session asks, on its own page: the first thing there. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { requestsOf } from '../../store/requests.js';
import { useDesk } from './desk.js';
import { Outcome } from './outcome.js';
import { AnswerSheet } from './sheet.js';

/** @param {{name: string}} props */
export function SessionRequests({ name }) {
  const list = requestsOf(name);
  const { request, over, next } = useDesk(list);
  if (over && over.session === name) return html`<div class="session-asks"><${Outcome} request=${over} onNext=${() => next()} last=${!list.length} /></div>`;
  if (!request) return null;
  return html`<div class="session-asks"><${AnswerSheet} request=${request} bare=${request.id === list[0]?.id} onAnswered=${next}>
    ${list.length > 1 && html`<button class="button small" type="button" onClick=${() => next()}>${t('answer.more', { n: list.length - 1 })}</button>`}<//></div>`;
}
