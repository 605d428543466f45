/** One request after the other, over all sessions: the most urgent first, and nothing else on the screen. */
import { html, useLayoutEffect, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { queue, requestsLoaded } from '../../store/requests.js';
import { Empty, Loading } from '../../ui/bits.js';
import { useDesk } from '../answer/desk.js';
import { Outcome } from '../answer/outcome.js';
import { AnswerSheet } from '../answer/sheet.js';
import { sameAs, Several } from './several.js';
import { Line } from './line.js';

export default function Next() {
  const [skipped, setSkipped] = useState(/** @type {Set<string>} */ (new Set()));
  const order = (/** @type {{id: string}} */ one) => (skipped.has(one.id) ? 1 : 0);
  const list = [...queue.value].sort((a, b) => order(a) - order(b));
  const { request, over, next } = useDesk(list);
  const skip = () => {
    if (over) next();
    else if (request && list.length > 1) {
      setSkipped(new Set(skipped).add(request.id));
      next();
    }
  };
  useLayoutEffect(() => bindKeys([{ keys: '.', group: t('keys.answer'), label: t('keys.skip'), run: skip }]));
  const same = request ? sameAs(request, list) : [];
  return html`<div class="page next-page">
    <header class="page-head"><div><h1>${t('next.title')}</h1>
      <p class="summary" role="status">${requestsLoaded.value ? (list.length ? t('next.summary', { n: list.length }) : t('next.none')) : '\u00a0'}</p></div>
      ${!over && list.length > 1 && html`<button class="button" type="button" onClick=${skip}>${t('next.skip')} <kbd aria-hidden="true">.</kbd></button>`}
    </header>
    ${!requestsLoaded.value
      ? html`<${Loading} rows=${3} />`
      : over
        ? html`<${Outcome} request=${over} onNext=${() => next()} last=${!list.length} />`
        : request
          ? html`<div class="next-sheet" key=${request.id}><${AnswerSheet} request=${request} showSession digits onAnswered=${next} />
            ${same.length > 0 && html`<${Several} key=${`same ${request.id}`} first=${request} others=${same} onDone=${() => next(request)} />`}</div>`
          : html`<${Empty} icon="check" title=${t('next.emptyTitle')} text=${t('next.emptyText')}><a class="button" href="/">${t('session.all')}</a><//>`}
    ${list.length > 1 && html`<${Line} list=${list} front=${request?.id ?? ''} />`}
  </div>`;
}
