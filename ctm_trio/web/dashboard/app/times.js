/** Times as the daemon writes them, RFC 3339: a fraction of zero is left out, so as strings they have no order. */

/** @param {string} a @param {string} b @returns {number} below, equal or above zero; what is no time comes first */
export const compareTimes = (a, b) => (Date.parse(a) || 0) - (Date.parse(b) || 0);
