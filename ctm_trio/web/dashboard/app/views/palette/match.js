/** Finds entries by a few letters: in order, not necessarily side by side; beginnings of words count most. */

/** @typedef {import('./entries.js').Entry} Entry */

/**
 * The entries that match, best first; without text all but the `onlyTyped` ones, as they come.
 * @param {Entry[]} entries @param {string} text @returns {Entry[]}
 */
export function rankEntries(entries, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return entries.filter((entry) => !entry.always);
  const scored = entries
    .filter((entry) => !entry.always)
    .map((entry, index) => ({ entry, index, score: Math.max(score(entry.label, wanted), score(`${entry.label} ${entry.note} ${entry.words ?? ''}`, wanted) - 20) }))
    .filter((one) => one.score > 0)
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map((one) => one.entry);
  return [...scored, ...entries.flatMap((entry) => (entry.always ? [entry.always(text.trim())] : []))];
}

/** 0: no match. @param {string} text @param {string} wanted lower case */
export function score(text, wanted) {
  const lower = text.toLowerCase();
  const whole = lower.indexOf(wanted);
  if (whole === 0) return 200 - lower.length / 100;
  if (whole > 0) return (/[\s\-_/·.]/.test(lower[whole - 1]) ? 150 : 110) - lower.length / 100;
  let points = 80;
  let from = 0;
  for (const letter of wanted) {
    if (letter === ' ') continue;
    const found = lower.indexOf(letter, from);
    if (found < 0) return 0;
    const starts = found === 0 || /[\s\-_/·.]/.test(lower[found - 1]);
    points -= starts ? 0 : Math.min(12, found - from);
    from = found + 1;
  }
  return Math.max(0, points);
}
