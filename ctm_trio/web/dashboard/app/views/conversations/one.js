/** One conversation, whoever had it: what it is, what can be done with it, and all of it to read. */
import { conversations } from '../../client/index.js';
import { html, useCallback, useState } from '../../html.js';
import { dayAndTime, dollars, shortNumber } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { useIndex } from '../../store/indexing.js';
import { Empty, Failure, Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { IndexNote } from '../../ui/index-note.js';
import { shortDir } from '../../ui/paths.js';
import { useAnswer } from '../../ui/use-answer.js';
import { fileName } from '../reader/export.js';
import { NothingSaid, Reader } from '../reader/index.js';
import { GoOnDialog, ownerOf, useGoOn } from './go-on.js';
import { allTokens } from './row.js';

/** @import { Conversation } from '../../client/types.js' */

/** @param {{uuid: string, query: Record<string, string>}} props */
export function One({ uuid, query }) {
  const { answer, error, retry } = useAnswer((signal) => conversations.one(uuid, { signal }), [uuid]);
  const pathOf = useCallback((/** @type {string} */ entry, agent = '', call = '') => {
    const text = new URLSearchParams(Object.entries({ agent, call, entry }).filter(([, value]) => value)).toString();
    return `/conversations/${uuid}${text && `?${text}`}`;
  }, [uuid]);
  if (error?.status === 404) return html`<${Missing} again=${retry} />`;
  if (error) return html`<${Failure} error=${error} retry=${retry} />`;
  if (!answer) return html`<div class="page"><${Loading} /></div>`;
  return html`<div class="session conversation">
    <${Head} conversation=${answer} />
    <div class="session-body"><${Reader} whose=${{ uuid }} name=${answer.project || 'conversation'} file=${fileName(answer.project || 'conversation', answer.title, answer.ended_at)} base=${answer.cwd} session=${answer.session} agent=${query.agent} call=${query.call} entry=${query.entry}
      pathOf=${pathOf} empty=${html`<${NothingSaid} />`} titled /></div>
  </div>`;
}

/** There is none, or it was not read yet: then it is asked for again. @param {{again: () => void}} props */
function Missing({ again }) {
  const index = useIndex(again);
  if (!index) return html`<div class="page"><${Loading} /></div>`;
  return html`<${IndexNote} index=${index} />
    <${Empty} icon=${index.complete ? 'search' : 'hourglass'} title=${t(index.complete ? 'conversations.unknown' : 'conversations.notYet')}
      text=${t(index.complete ? 'conversations.unknownText' : 'conversations.notYetText')}><a class="button" href="/conversations">${t('conversations.all')}</a><//>`;
}

/** @param {{conversation: Conversation}} props */
function Head({ conversation: one }) {
  const [dialog, setDialog] = useState(/** @type {''|'resume'|'fork'} */ (''));
  const [resume, fork] = useGoOn(one, setDialog);
  const runs = ownerOf(one)?.ended === false;
  return html`<header class="session-head conversation-head">
    <div class="session-line"><a class="icon-button" href="/conversations" aria-label=${t('conversations.all')} title=${t('conversations.all')}><${Icon} name="back" /></a>
      <h1 class="session-name">${one.title || t('conversations.untitled')}</h1>
      <span class="conversation-actions">${one.session && html`<a class="button small" href=${sessionPath(one.session)}><${Icon} name="sessions" />${one.session}</a>`}
        ${(runs ? [fork] : [resume, fork]).map((item) => html`<button key=${item.icon} class=${`button small ${item === resume ? 'primary' : ''}`} type="button" disabled=${item.off}
          aria-describedby=${item.note ? 'why-not' : undefined} onClick=${item.run}><${Icon} name=${item.icon} />${item.label}</button>`)}</span></div>
    <p class="conversation-facts muted"><span title=${one.cwd}>${shortDir(one.cwd)}</span><span>${dayAndTime(one.started_at)} – ${dayAndTime(one.ended_at)}</span>
      <span class="num">${t('conversations.prompts', { n: one.prompts })}</span><span class="num">${t('conversations.tokens', { n: shortNumber(allTokens(one)) })}</span>
      ${one.cost !== undefined && html`<span class="num">${dollars(one.cost * 1e6)}</span>`}</p>
    ${fork.note && html`<p class="conversation-why" id="why-not">${t('conversations.cannot', { why: fork.note })}</p>`}
    ${dialog && html`<${GoOnDialog} conversation=${one} fork=${dialog === 'fork'} onClose=${() => setDialog('')} />`}
  </header>`;
}
