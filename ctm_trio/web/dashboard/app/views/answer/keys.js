/** The keys of a sheet: a allows, d denies, 1 to 9 choose. They do nothing while the sheet takes no taps. */
import { useLayoutEffect, useRef } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';

/**
 * @param {{ready: () => boolean, allow?: () => void, deny?: () => void, choose?: (index: number) => void, count?: number}} what
 *   `choose`: the option of this index of `count`
 */
export function useSheetKeys(what) {
  const latest = useRef(what);
  latest.current = what;
  const { allow, deny, count = 0 } = what;
  const has = `${Boolean(allow)} ${Boolean(deny)} ${count}`;
  useLayoutEffect(() => {
    const group = t('keys.answer');
    const run = (/** @type {(now: typeof what) => void} */ then) => () => latest.current.ready() && then(latest.current);
    return bindKeys([
      ...(allow ? [{ keys: 'a', group, label: t('keys.allow'), run: run((now) => now.allow?.()) }] : []),
      ...(deny ? [{ keys: 'd', group, label: t('keys.deny'), run: run((now) => now.deny?.()) }] : []),
      ...Array.from({ length: Math.min(9, count) }, (_, index) => ({
        keys: String(index + 1), group, label: t('keys.option', { n: index + 1 }), run: run((now) => now.choose?.(index)),
      })),
    ]);
  }, [has]);
}
