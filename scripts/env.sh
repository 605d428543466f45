# Sourced by the scripts beside it: makes a virtual environment with the locked dependencies and sets $venv.
#   . scripts/env.sh serve     what the daemon needs          .venv
#   . scripts/env.sh test      that, and the test tools       .venv
# PYTHON_BIN chooses the interpreter (3.11 or later); VENV another directory.

unset PYTHONDONTWRITEBYTECODE # some images set it; every start would compile each file again then, half of its time

find_python() {
  local candidate
  for candidate in ${PYTHON_BIN:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "ctm_trio needs Python 3.11 or later: install python3 and its venv module" >&2
  return 1
}

venv=${VENV:-.venv}
kind=$1
lock=scripts/requirements.lock
[ "$kind" = serve ] || lock=scripts/requirements-test.lock
stamp=$venv/.locked-$kind
if [ ! -f "$stamp" ] || ! cmp -s "$lock" "$stamp"; then
  base=$(find_python)
  [ -x "$venv/bin/python" ] || "$base" -m venv "$venv" ||
    { echo "no virtual environment could be made: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
  echo "setting up $venv with the locked dependencies (once; it takes some seconds)" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$lock"
  cp "$lock" "$stamp"
fi
