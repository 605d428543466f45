/** The frame round every view: navigation, banner, the view itself, fixtures. */
import { house } from '../../house.js';
import { html, signal, useEffect, useLayoutEffect, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { addressOf, go, here, match } from '../../router.js';
import { needingCount } from '../../store/sessions.js';
import { Failure, Loading } from '../../ui/bits.js';
import { Banner } from './banner.js';
import { BottomBar, SideBar } from './nav.js';

/** @import { Component, Signal } from '../../html.js' */

/** Which view the address asks for. */
function findView() {
  for (const view of house.views) {
    const params = match(view.path, here.value.path);
    if (params) return { view, params };
  }
  if (!house.notFound) throw new Error('The page was not furnished.');
  return { view: house.notFound, params: {} };
}

export function Shell() {
  const { view, params } = findView();
  useLayoutEffect(() => bindKeys(everywhereKeys()), []);
  const title = `${needingCount.value ? `(${needingCount.value}) ` : ''}${t(view.title, params)} · ${t('app.name')}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return html`
    <a class="skip" href="#content" onClick=${skip}>${t('nav.skip')}</a>
    <div class="shell" data-view=${view.id}>
      <${SideBar} current=${view.id}><${Fixtures} place="side" /><//>
      <div class="shell-main">
        <${Banner} />
        <${Fixtures} place="top" />
        <main id="content" class="content" tabindex="-1">
          <${Room} key=${view.id} view=${view} params=${params} query=${here.value.query} />
        </main>
      </div>
      <${BottomBar} current=${view.id} />
    </div>
    <${Fixtures} place="overlay" />`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function everywhereKeys() {
  const group = t('keys.everywhere');
  const places = house.views.filter((view) => view.keys);
  return [
    ...places.map((view) => ({
      keys: view.keys ?? '',
      group,
      label: t('keys.go', { view: t(view.title) }),
      run: () => go(addressOf(view.path)),
    })),
    ...house.commands
      .filter((one) => one.keys)
      .map((one) => ({ keys: one.keys ?? '', group, label: t(one.label), run: one.run })),
  ];
}

/** Loaded components by view id, so that a second visit is instant. @type {Signal<Map<string, Component>>} */
const rooms = signal(new Map());

/** @param {import('../../house.js').View} view */
async function loadView(view) {
  const { default: View } = await view.load();
  rooms.value = new Map(rooms.value).set(view.id, View);
}

/** Loads the view that the address asks for, before the first render needs it. It never fails: `Room` shows errors. */
export async function loadFirstView() {
  await loadView(findView().view).catch(() => {});
}

/** @param {{view: import('../../house.js').View, params: Record<string, string>, query: Record<string, string>}} props */
function Room({ view, params, query }) {
  const [error, setError] = useState(/** @type {Error|null} */ (null));
  const View = rooms.value.get(view.id);
  useEffect(() => {
    if (!View) loadView(view).catch(setError);
  }, []);
  useLayoutEffect(() => {
    if (View) performance.mark('ctm-ready'); // the first view takes input from here on
  }, [View]);
  if (View) return html`<${View} params=${params} query=${query} />`;
  return error ? html`<${Failure} error=${error} retry=${() => location.reload()} />` : html`<${Loading} />`;
}

/** @type {Signal<Map<string, Component>>} */
const fixtureParts = signal(new Map());
let fixturesAsked = false;

/** Loads the fixtures when the browser is idle, after the first view. */
function loadFixtures() {
  if (fixturesAsked) return;
  fixturesAsked = true;
  const idle = window.requestIdleCallback ?? ((/** @type {() => void} */ run) => setTimeout(run, 200));
  idle(async () => {
    const parts = await Promise.allSettled(house.fixtures.map((one) => one.load()));
    const map = new Map();
    parts.forEach((part, index) => part.status === 'fulfilled' && map.set(house.fixtures[index].id, part.value.default));
    fixtureParts.value = map;
  });
}

/** @param {{place: string}} props */
function Fixtures({ place }) {
  useEffect(loadFixtures, []);
  return house.fixtures
    .filter((one) => one.place === place && fixtureParts.value.has(one.id))
    .map((one) => html`<${fixtureParts.value.get(one.id)} key=${one.id} />`);
}
