/** How paths are shown. */

/** The home directory as ~. @param {string} dir */
export function shortDir(dir) {
  return dir.replace(/^\/(?:home|Users)\/[^/]+(?=\/|$)/, '~').replace(/^\/root(?=\/|$)/, '~');
}
