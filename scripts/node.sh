# Sourced by scripts/check: sees to Node.js and installs the locked tools that look at the dashboard.

node_fits() { # the linter needs 20.19
  command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
} 2>/dev/null

if ! node_fits && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null || true
fi
if ! node_fits; then
  echo "the dashboard is checked with Node.js: install version 20.19 or later and npm (https://nodejs.org)" >&2
  exit 1
fi

node_tools=scripts/dashboard/node_modules
if ! cmp -s scripts/dashboard/package-lock.json "$node_tools/.locked"; then
  echo "setting up $node_tools with the locked tools (once; it takes some seconds)" >&2
  (cd scripts/dashboard && npm ci --loglevel=error --no-progress >/dev/null)
  cp scripts/dashboard/package-lock.json "$node_tools/.locked"
fi
