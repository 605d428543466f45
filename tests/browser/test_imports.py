"""A module of the page does nothing by being imported: the entry starts what runs for as long as the page does."""

from __future__ import annotations

from tests.browser.conftest import OpenPage
from tests.browser.site import ROOT, Site

DASHBOARD = ROOT / "ctm_trio" / "web" / "dashboard"
ENTRIES = {"main.js", "early.js"}
WATCHED_IMPORT = """async (modules) => {
  const seen = [];
  const watch = (object, name) => {
    const real = object[name];
    object[name] = function (...given) {
      seen.push(`${name} ${new Error().stack.split('\\n')[2].trim()}`);
      return real.apply(this, given);
    };
  };
  for (const name of ['fetch', 'setInterval', 'setTimeout', 'requestAnimationFrame', 'requestIdleCallback'])
    watch(window, name);
  watch(EventTarget.prototype, 'addEventListener');
  watch(Storage.prototype, 'setItem');
  for (const name of modules) await import(name);
  return seen;
}"""
"""Imports modules; gives each timer, listener, request and write to the storage that this makes, with its place."""


def test_an_import_has_no_effect(site: Site, open_page: OpenPage) -> None:
    """No module but an entry starts a timer, listens, asks the daemon or writes to the storage when it is imported."""
    site.start()
    page, _ = open_page("/styles/base.css")  # of our origin, without a script
    files = [file for file in (DASHBOARD / "app").rglob("*.js") if file.name not in ENTRIES]
    modules = sorted(f"/{file.relative_to(DASHBOARD)}" for file in files)
    assert page.evaluate(WATCHED_IMPORT, modules) == []
