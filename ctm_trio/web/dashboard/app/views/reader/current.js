/** Keeps a conversation current: by the stream, and by looking where the stream does not tell everything. */
import { useEffect } from '../../html.js';
import { followIndex } from '../../store/indexing.js';
import { onEvent, onGap } from '../../store/live.js';

/** @import { Reading } from '../../store/reading.js' */

/** How soon it is looked again in a conversation that nobody follows. */
const UNFOLLOWED_MS = 15_000;

/** @param {Reading} reading @param {string} session whose events it follows, '' for none */
export function useCurrent(reading, session) {
  useEffect(() => {
    if (!session) {
      const timer = setInterval(() => document.hidden || !reading.atEnd || reading.look(), UNFOLLOWED_MS);
      return () => clearInterval(timer);
    }
    const ends = [
      onEvent((event) => event.type === 'conversation' && event.session === session && reading.live(event.payload.entries)),
      onGap(reading.catchUp),
    ];
    return () => ends.forEach((end) => end());
  }, [reading, session]);
  useEffect(() => followIndex((found) => {
    const was = !reading.index.peek().complete;
    reading.index.value = found;
    if (was && reading.atEnd && found.complete) reading.start(); // older ones may have come, too
    else if (was) reading.look();
  }), [reading]);
}
