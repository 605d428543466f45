/** One session: who it is and how it stands, what it asks, its tabs, and a line to talk to it. */
import { html, signal, useEffect, useLayoutEffect, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { go, sessionPath } from '../../router.js';
import { sessions, sessionsLoaded } from '../../store/sessions.js';
import { Empty, Failure, Loading } from '../../ui/bits.js';
import { SessionRequests } from '../answer/of-session.js';
import { Head } from './head.js';
import { Composer } from './composer/index.js';
import { TABS } from './tabs.js';

/** @param {{params: Record<string, string>, query: Record<string, string>}} props */
export default function Session({ params, query }) {
  const name = params.name;
  const session = sessions.value.get(name);
  const tab = TABS.find((one) => one.id === params.tab) ?? TABS[0];
  useLayoutEffect(() => bindKeys(tabKeys(name)), [name]);
  if (!sessionsLoaded.value) return html`<div class="page"><${Loading} /></div>`;
  if (!session)
    return html`<${Empty} icon="search" title=${t('session.unknown', { name })} text=${t('session.unknownText')}>
    <a class="button" href="/">${t('session.all')}</a><//>`;
  // The key is here, round everything: a draft or an open dialog must not pass to the next session.
  return html`<div class="session" key=${name}>
    <${Head} session=${session} tab=${tab.id}><${SessionRequests} name=${name} /><//>
    <div class="session-body" id="tab-body" role="tabpanel" aria-label=${t(`session.tabs.${tab.id}`)}>
      <${TabBody} key=${tab.id} tab=${tab} session=${session} rest=${params.rest} query=${query} />
    </div>
    ${tab.input && html`<${Composer} session=${session} slim=${tab.id === 'feed'} />`}
  </div>`;
}

/** Loaded components by tab id. @type {import('../../html.js').Signal<Map<string, import('../../html.js').Component>>} */
const bodies = signal(new Map());

/** Loads a tab's module when it is first opened. @param {{tab: typeof TABS[0], [key: string]: unknown}} props */
function TabBody({ tab, ...rest }) {
  const [error, setError] = useState(/** @type {Error|null} */ (null));
  const Tab = bodies.value.get(tab.id);
  useEffect(() => {
    if (Tab) return;
    tab.load().then((module) => (bodies.value = new Map(bodies.value).set(tab.id, module.default)), setError);
  }, []);
  if (error) return html`<${Failure} error=${error} retry=${() => location.reload()} />`;
  return Tab ? html`<${Tab} ...${rest} />` : html`<div class="page"><${Loading} /></div>`;
}

/** 1 to 6 open the tabs, u goes up to the list. @param {string} name */
function tabKeys(name) {
  const group = t('keys.session');
  return [
    ...TABS.map((tab, index) => ({
      keys: String(index + 1),
      group,
      label: t(`session.tabs.${tab.id}`),
      run: () => go(sessionPath(name, tab.id), { replace: true }),
    })),
    { keys: 'u', group, label: t('session.all'), run: () => go('/') },
  ];
}
