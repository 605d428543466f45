/** Why a session has its status: what was seen, and why it is none of the others. */
import { asked } from '../../client/index.js';
import { html } from '../../html.js';
import { hourMinuteSecond } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { Failure, Loading } from '../../ui/bits.js';
import { Dialog } from '../../ui/dialog.js';
import { useAnswer } from '../../ui/use-answer.js';

/** @import { Explained } from '../../client/types.js' */

/** @param {{name: string, onClose: () => void}} props */
export function Explain({ name, onClose }) {
  const { answer, error, retry } = useAnswer((signal) => asked.explain(name, { signal }), [name]);
  return html`<${Dialog} title=${t('explain.title', { name })} wide onClose=${onClose}>
    ${error ? html`<${Failure} error=${error} retry=${retry} />` : !answer ? html`<${Loading} rows=${3} />` : html`<${Why} why=${answer} />`}
  <//>`;
}

/** @param {{why: Explained}} props */
function Why({ why: { status, evidence, rejected } }) {
  return html`<div class="explain">
    <p><b>${status.reason}</b> <span class="muted">${t('explain.decided', { source: t(`explain.source.${status.source}`) })}</span></p>
    ${status.state === 'unheard' && html`<p><a href="/doctor">${t('explain.doctor')}</a></p>`}
    <section><h3>${t('explain.evidence')}</h3>
      ${evidence.length ? html`<ul>${evidence.toReversed().map((one) => html`<li><time class="num muted">${hourMinuteSecond(one.ts)}</time>
        <span class="muted">${t(`explain.source.${one.source}`)}</span><span>${one.what}</span></li>`)}</ul>` : html`<p class="muted">${t('explain.nothing')}</p>`}</section>
    <section><h3>${t('explain.rejected')}</h3>
      <ul>${rejected.map((one) => html`<li><b>${t(`status.${one.state}`)}</b><span class="muted">${one.why}</span></li>`)}</ul></section>
  </div>`;
}
