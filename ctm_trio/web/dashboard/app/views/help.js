/** The sheet of keyboard shortcuts, opened by `?`. */
import { html, signal, useLayoutEffect } from '../html.js';
import { t } from '../i18n/index.js';
import { bindKeys, boundKeys } from '../keys.js';
import { Dialog } from '../ui/dialog.js';

export const helpOpen = signal(false);

export default function Help() {
  useLayoutEffect(
    () =>
      bindKeys([{ keys: '?', label: t('keys.help'), group: t('keys.everywhere'), run: () => (helpOpen.value = true) }]),
    [],
  );
  if (!helpOpen.value) return null;
  const groups = Map.groupBy(boundKeys(), (one) => one.group);
  return html`<${Dialog} title=${t('keys.title')} wide onClose=${() => (helpOpen.value = false)}>
    <div class="key-groups">
      ${[...groups].map(
        ([group, list]) => html`<section key=${group}>
        <h3>${group}</h3>
        <dl class="key-list">
          ${[...Map.groupBy(list, (one) => one.label)].map(
            ([label, same]) =>
              html`<div key=${label}><dt>${label}</dt><dd>${same.map(
                (one, at) => html`${at > 0 && html`<span class="muted">${t('keys.or')}</span>`}${one.keys
                  .split(' ')
                  .map((part) => html`<kbd>${part.replace('mod+', 'Ctrl ')}</kbd>`)}`,
              )}</dd></div>`,
          )}
        </dl>
      </section>`,
      )}
    </div>
  <//>`;
}
