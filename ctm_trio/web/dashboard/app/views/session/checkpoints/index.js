/** Checkpoints of a session: what changed since each, and the way back to it. */
import { api } from '../../../client/index.js';
import { html, useState } from '../../../html.js';
import { dayAndTime } from '../../../i18n/format.js';
import { t } from '../../../i18n/index.js';
import { leaveTo, sessionPath } from '../../../router.js';
import { Age, Empty, Failure, IconButton, Loading, OutOfDate } from '../../../ui/bits.js';
import { copy } from '../../../ui/copy.js';
import { Diff } from '../../../ui/diff.js';
import { Icon } from '../../../ui/icons.js';
import { useAnswer } from '../../../ui/use-answer.js';
import { RevertDialog } from './revert.js';

/** @import { Checkpoint } from '../../../client/types.js' */

const REFRESH_MS = 15_000;
const LIMIT = 200;

/** @param {{session: import('../../../client/types.js').SessionView, rest?: string}} props */
export default function Checkpoints({ session, rest }) {
  const { name } = session;
  const { answer, at, error, retry } = useAnswer(() => api.checkpoints(name, LIMIT), [name], { every: REFRESH_MS });
  const [reverting, setReverting] = useState(/** @type {Checkpoint|null} */ (null));
  if (!answer)
    return error ? html`<${Failure} error=${error} retry=${retry} />` : html`<div class="page"><${Loading} /></div>`;
  const list = answer.checkpoints;
  const late = html`<${OutOfDate} error=${error} at=${at} retry=${retry} />`;
  if (!list.length)
    return html`${late}<${Empty} icon="checkpoints" title=${t(answer.incomplete ? 'checkpoints.noneSoFar' : answer.git_workdir ? 'checkpoints.none' : 'checkpoints.noGit')}
    text=${t(answer.incomplete ? 'checkpoints.incomplete' : answer.git_workdir ? 'checkpoints.noneText' : 'checkpoints.noGitText', { dir: session.workdir })} />`;
  const chosen = list.find((one) => one.sha === rest);
  return html`<section class=${`split ${rest ? 'with-detail' : ''}`}>
    <ol class="split-list" aria-label=${t('session.tabs.checkpoints')}>
      ${error && html`<li>${late}</li>`}
      ${list.map(
        (one) => html`<li key=${one.sha}><a class="split-item" href=${sessionPath(name, 'checkpoints', `/${one.sha}`)}
          data-replace=${rest ? '' : undefined} aria-current=${one.sha === rest ? 'true' : undefined}>
        <b>${one.subject.replace(/^checkpoint:\s*/, '')}</b>
        <span class="muted"><code>${one.sha.slice(0, 8)}</code> · <${Age} at=${one.ts} /></span></a></li>`,
      )}
      ${answer.incomplete && html`<li class="muted split-item" role="status">${t('checkpoints.incomplete')}</li>`}
    </ol>
    ${
      rest
        ? html`<${Chosen} key=${rest} name=${name} sha=${rest} one=${chosen} onRevert=${setReverting} />`
        : html`<div class="split-hint"><${Empty} icon="checkpoints" title=${t('checkpoints.choose')} text=${t('checkpoints.chooseText')} /></div>`
    }
    ${reverting && html`<${RevertDialog} name=${name} checkpoint=${reverting} onClose=${() => setReverting(null)} onDone=${retry} />`}
  </section>`;
}

/** @param {{name: string, sha: string, one?: Checkpoint, onRevert: (one: Checkpoint) => void}} props */
function Chosen({ name, sha, one, onRevert }) {
  const { answer, error, retry } = useAnswer(() => api.checkpointDiff(name, sha), [name, sha]);
  return html`<aside class="detail" aria-label=${t('checkpoints.detail')}>
    <header class="detail-head">
      <h2>${one ? one.subject.replace(/^checkpoint:\s*/, '') : t('checkpoints.unknown')}</h2>
      <span class="detail-gap"></span>
      ${one && html`<button class="button small" onClick=${() => onRevert(one)}><${Icon} name="revert" />${t('checkpoints.revert')}</button>`}
      <${IconButton} icon="close" label=${t('actions.close')} onClick=${() => leaveTo(sessionPath(name, 'checkpoints'))} />
    </header>
    <div class="detail-body">
      ${
        one &&
        html`<dl class="facts"><div><dt>${t('checkpoints.made')}</dt><dd>${dayAndTime(one.ts)}</dd></div>
        <div><dt>${t('checkpoints.commit')}</dt><dd><button class="copyable mono" title=${t('actions.copy')} onClick=${() => copy(sha)}>${sha.slice(0, 12)}</button></dd></div></dl>`
      }
      ${error ? html`<${Failure} error=${error} retry=${retry} />` : answer === undefined ? html`<${Loading} rows=${5} />` : html`<${Diff} text=${answer} />`}
    </div>
  </aside>`;
}
