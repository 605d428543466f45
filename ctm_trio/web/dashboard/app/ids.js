/** Event ids are `<unix ns>-<seq>`: compared as two numbers (the first is beyond what a double holds exactly). Keys of orders. */

/** @param {string} a @param {string} b @returns {number} below, equal or above zero */
export function compareIds(a, b) {
  if (a === b) return 0;
  const [aNs, aSeq] = split(a);
  const [bNs, bSeq] = split(b);
  if (aNs.length !== bNs.length) return aNs.length - bNs.length;
  if (aNs !== bNs) return aNs < bNs ? -1 : 1;
  return aSeq - bSeq;
}

/** When an event was recorded, in ms; 0 for what is not an id. @param {string} id */
export const timeOfId = (id) => Number(id.slice(0, 13)) || 0;

/** @param {string} id @returns {[string, number]} */
function split(id) {
  const dash = id.indexOf('-');
  return dash < 0 ? [id, 0] : [id.slice(0, dash), Number(id.slice(dash + 1))];
}

/** A key by which a repeat of an order is known. Where the page is not served securely there is no `randomUUID`. */
export const newKey = () =>
  crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
