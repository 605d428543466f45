/** A request as state of a component: answer, error, retry; cancelled when it is no longer wanted. */
import { useCallback, useEffect, useState } from '../html.js';

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask @param {unknown[]} inputs asked again when one changes
 * @param {{every?: number}} [options] `every`: asked again after so many milliseconds while the page is seen
 * @returns {{answer: T|undefined, error: any, busy: boolean, retry: () => void}}
 */
export function useAnswer(ask, inputs, { every = 0 } = {}) {
  const [state, setState] = useState(
    /** @type {{answer: any, error: any, busy: boolean}} */ ({ answer: undefined, error: null, busy: true }),
  );
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    const run = async () => {
      if (!document.hidden || !every) {
        try {
          const answer = await ask(stop.signal);
          if (stop.signal.aborted) return;
          setState({ answer, error: null, busy: false });
        } catch (error) {
          if (stop.signal.aborted) return;
          setState((old) => ({ answer: every ? old.answer : undefined, error, busy: false }));
        }
      }
      if (every) timer = setTimeout(run, every);
    };
    setState((old) => ({ ...old, busy: true }));
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [...inputs, round, every]);
  const retry = useCallback(() => setRound((n) => n + 1), []);
  return { ...state, retry };
}
