/** A request as state of a component: answer, error, retry; cancelled when it is no longer wanted. */
import { useCallback, useEffect, useState } from '../html.js';
import { boxNow } from '../store/clock.js';

/** @import { ApiError } from '../client/index.js' */
/** @template T @typedef {{answer: T|undefined, at: number, error: ApiError|null, busy: boolean}} State */

/** Before there is an answer. @type {State<never>} */
const NOTHING = { answer: undefined, at: 0, error: null, busy: true };

/** @param {unknown[]} a @param {unknown[]} b */
const same = (a, b) => a.length === b.length && a.every((one, index) => Object.is(one, b[index]));

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {unknown[]} inputs what the answer is about: asked again when one changes, and the old answer is dropped
 * @param {{every?: number}} [options] `every`: asked again after so many milliseconds while the page is seen
 * @returns {State<T> & {retry: () => void}}
 *   `at`: when the answer came, in ms. With `every` there may be an error beside an older answer (`OutOfDate` says so).
 */
export function useAnswer(ask, inputs, { every = 0 } = {}) {
  const [kept, setKept] = useState(/** @type {State<T> & {of: unknown[]}} */ ({ of: inputs, ...NOTHING }));
  // Of other inputs nothing is shown, not for one frame: a figure must not stand under another one's name.
  const state = same(kept.of, inputs) ? kept : NOTHING;
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    /** @param {(old: State<T>) => Partial<State<T>>} change */
    const set = (change) =>
      setKept((last) => {
        const old = same(last.of, inputs) ? last : NOTHING;
        return { of: inputs, ...NOTHING, ...old, ...change(old) };
      });
    const run = async () => {
      if (!document.hidden || !every) {
        try {
          const answer = await ask(stop.signal);
          if (stop.signal.aborted) return;
          set(() => ({ answer, at: boxNow(), error: null, busy: false }));
        } catch (error) {
          if (stop.signal.aborted) return;
          const problem = /** @type {ApiError} */ (error);
          set((old) => ({ answer: every ? old.answer : undefined, error: problem, busy: false }));
        }
      }
      if (every) timer = setTimeout(run, every);
    };
    set(() => ({ busy: true }));
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [...inputs, round, every]);
  const retry = useCallback(() => setRound((n) => n + 1), []);
  return { answer: state.answer, at: state.at, error: state.error, busy: state.busy, retry };
}
