/** Everything about one call: input, diff, output. */
import { api } from '../../../client/index.js';
import { html, useEffect, useRef } from '../../../html.js';
import { dayAndTime, took } from '../../../i18n/format.js';
import { t } from '../../../i18n/index.js';
import { AnsiText } from '../../../ui/ansi-text.js';
import { Failure, IconButton, Loading } from '../../../ui/bits.js';
import { copy } from '../../../ui/copy.js';
import { Diff } from '../../../ui/diff.js';
import { BULKY, Fields } from '../../../ui/fields.js';
import { Icon } from '../../../ui/icons.js';
import { useAnswer } from '../../../ui/use-answer.js';
import { toolIcon, toolName } from '../../../ui/tool.js';

/** The daemon gives this much of an output. */
const EXCERPT_BYTES = 4096;

/** @param {{name: string, id: string, row?: import('../../../store/feed.js').Row, onClose: () => void}} props */
export function Detail({ name, id, row, onClose }) {
  const { answer, error, retry } = useAnswer((signal) => api.detail(name, id, { signal }), [name, id]);
  const head = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => head.current?.focus({ preventScroll: true }), []);
  const tool = answer?.tool ?? row?.tool ?? '';
  const failed = answer?.is_error ?? row?.isError;
  return html`<aside class="detail" aria-label=${t('detail.label')}>
    <header class="detail-head">
      <h2 ref=${head} tabindex="-1"><${Icon} name=${toolIcon(tool)} />${toolName(tool)}</h2>
      ${
        failed !== undefined &&
        html`<span class="badge" data-tone=${failed ? 'bad' : 'good'}><${Icon} name=${failed ? 'error' : 'check'} />
        ${t(failed ? 'detail.failed' : 'detail.worked')}</span>`
      }
      <span class="detail-gap"></span>
      <${IconButton} icon="copy" label=${t('detail.copyLink')} onClick=${() => copy(location.href)} />
      <${IconButton} icon="close" label=${t('actions.close')} onClick=${onClose} />
    </header>
    <div class="detail-body">
      <${Facts} row=${row} ts=${answer?.ts} />
      ${error ? html`<${Failure} error=${error} retry=${retry} />` : !answer ? html`<${Loading} rows=${3} />` : html`<${Body} answer=${answer} />`}
    </div>
  </aside>`;
}

/** @param {{row?: import('../../../store/feed.js').Row, ts?: string}} props */
function Facts({ row, ts }) {
  const facts = [
    [t('detail.when'), dayAndTime(row?.at || (ts ?? ''))],
    [t('detail.took'), row && row.durationMs >= 0 ? took(row.durationMs) : ''],
    [t('detail.exit'), row?.exitCode === null || row?.exitCode === undefined ? '' : String(row.exitCode)],
    [t('detail.agent'), row?.agentId ?? ''],
  ].filter(([, value]) => value);
  return html`<dl class="facts">${facts.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {{answer: import('../../../client/types.js').CallDetail}} props */
function Body({ answer }) {
  const cut = new TextEncoder().encode(answer.output_excerpt).length >= EXCERPT_BYTES - 4;
  return html`
    ${answer.diff && html`<section><h3>${t('detail.diff')}</h3><${Diff} text=${answer.diff} /></section>`}
    <section><h3>${t('detail.input')}</h3><${Input} json=${answer.input_json} hide=${answer.diff ? BULKY : []} /></section>
    <section><h3>${t('detail.output')}</h3>
      ${
        answer.output_excerpt
          ? html`<pre class="block" tabindex="0"><${AnsiText} text=${answer.output_excerpt} /></pre>
            <p class="muted detail-more">${cut && t('detail.cut')}
              <button class="button small" onClick=${() => copy(answer.output_excerpt)}><${Icon} name="copy" />${t('actions.copy')}</button></p>`
          : html`<p class="muted">${t('detail.noOutput')}</p>`
      }
    </section>`;
}

/** The input, a line or a block a field. @param {{json: string, hide: string[]}} props */
function Input({ json, hide }) {
  const value = parse(json);
  if (!value || typeof value !== 'object' || Array.isArray(value))
    return html`<pre class="block" tabindex="0">${pretty(value, json)}</pre>`;
  return html`<${Fields} value=${value} hide=${hide} />`;
}

/** @param {string} json */
function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

/** @param {unknown} value @param {string} json */
const pretty = (value, json) => (value === null ? json : JSON.stringify(value, null, 2));
