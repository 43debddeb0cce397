# Sourced by scripts/test and scripts/demo: a virtual environment with what a lock file pins.
#
#   prepare requirements-dev.lock     afterwards $python is the environment's interpreter
#
# PYTHON names another interpreter than the first one of 3.11 or newer on the PATH; INTEGRATOR_VENV another folder
# than .venv. Nothing is installed when nothing has changed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

_new_enough() {
  command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

_find_python() {
  local name
  for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    if _new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
  echo "Integrator needs Python 3.11 or newer, and ${PYTHON:-none on the PATH} is not. Set PYTHON to one." >&2
  return 1
}

prepare() {
  local lock=$root/$1 venv=${INTEGRATOR_VENV:-$root/.venv} interpreter wanted
  python=$venv/bin/python
  if ! _new_enough "$python"; then
    interpreter=$(_find_python) || return 1
    echo "Making $venv with $("$interpreter" --version) ..." >&2
    if ! "$interpreter" -m venv --clear "$venv" >/dev/null 2>&1; then
      rm -rf "$venv"
      echo "$interpreter cannot make virtual environments: install its venv module (on Debian: python3-venv)." >&2
      return 1
    fi
  fi
  wanted=$("$python" -c 'import hashlib, sys
print(hashlib.sha256(b"".join(open(name, "rb").read() for name in sys.argv[1:])).hexdigest())' \
    "$lock" "$root/pyproject.toml")
  if [ "$(cat "$venv/installed" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing what $1 pins ..." >&2
    "$python" -m pip install --quiet --disable-pip-version-check --no-input --requirement "$lock" &&
      "$python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --editable "$root" || return 1
    echo "$wanted" >"$venv/installed"
  fi
}
