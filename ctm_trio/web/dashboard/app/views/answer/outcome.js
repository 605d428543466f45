/** What became of a request, in words. */
import { html } from '../../html.js';
import { hourMinuteSecond } from '../../i18n/format.js';
import { hasText, t } from '../../i18n/index.js';
import { dropAttempt } from '../../store/answering.js';
import { closed } from '../../store/requests.js';
import { useGuard } from '../../ui/guard.js';
import { Icon } from '../../ui/icons.js';

/** @import { AnswerBody, Answered, Request } from '../../client/types.js' */

/** Characters of a message or a command that are shown again. */
const SHOWN = 80;

/** "Denied: not on a Friday" for one that we have just answered. @param {string} id @param {Request} asked as it was @param {AnswerBody} body our answer */
export function becameOf(id, asked, { updated_input: input, updated_plan: plan }) {
  const request = closed.peek().get(id) ?? asked;
  if (!request.answer) return t('answer.sent');
  const words = choiceWords(request, request.answer);
  const what = typeof input?.command === 'string' ? input.command : asked.summary;
  return `${input || plan ? t('answer.asChanged', { did: words }) : words} · ${cut(what)}`;
}

/** @param {Request} request @param {Answered} given */
export function choiceWords(request, given) {
  const label = request.choices.find((one) => one.id === given.choice)?.label ?? given.choice;
  const words = hasText(`answer.did.${given.choice}`) ? t(`answer.did.${given.choice}`) : label.replace(/^Allow\b/, t('answer.did.allow'));
  return given.message ? `${words}: ${cut(given.message)}` : words;
}

/** @param {string} text */
const cut = (text) => (text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text);

/** What became of it, when and where. @param {Request} request */
export function outcomeWords(request) {
  const { state, answer } = request;
  const at = answer ? hourMinuteSecond(answer.at) : '';
  if (state === 'withdrawn') return t('answer.became.withdrawn');
  if (state === 'answered_elsewhere' || answer?.where === 'terminal') return t(`answer.became.terminal${at ? 'At' : ''}`, { at });
  if (!answer) return t('answer.state.answered');
  const by = answer.by?.name;
  return t(`answer.became.${by ? 'by' : 'answered'}`, { what: choiceWords(request, answer), by: by ?? '', at });
}

/** In the place of a sheet whose request is over, until that is read. @param {{request: Request, onNext: () => void, last: boolean}} props */
export function Outcome({ request, onNext, last }) {
  const guard = useGuard(request.id);
  const next = () => {
    dropAttempt(request.id);
    onNext();
  };
  return html`<section class="sheet over" ref=${guard} aria-label=${t('answer.over')}>
    <p class="sheet-over" role="status"><${Icon} name=${request.state === 'withdrawn' ? 'ended' : 'check'} /><span><strong>${outcomeWords(request)}</strong>
      <bdi class=${request.kind === 'permission' ? 'mono' : ''}>${cut(request.summary)}</bdi></span></p>
    <button class="button" type="button" onClick=${next}>${t(last ? 'answer.ok' : 'answer.next')}</button>
  </section>`;
}
