# Sourced by the scripts beside it: makes the project's own Python environment, and only when the lock has changed.
# Needs bash and Python ≥3.11; says exactly what to install where something is missing.

set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${SWITCHBOARD_VENV:-$ROOT/.venv}"
cd "$ROOT"
unset PYTHONDONTWRITEBYTECODE PYTHONHOME # compiled modules make every later start quick
export PYTHONPATH="$ROOT"

say() { printf '… %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The first interpreter that really runs and fits (a version manager's stub may be on the path without running).
find_python() {
  local name
  for name in "${SWITCHBOARD_PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
    [ -n "$name" ] || continue
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  die "no Python 3.11, 3.12 or 3.13 found; install one:
  Debian, Ubuntu:  apt-get install python3 python3-venv
  Fedora, RHEL:    dnf install python3.12
  or name one:     SWITCHBOARD_PYTHON=/path/to/python3 $0"
}

# An environment with pip; where the system keeps ensurepip apart, its own pip does as well.
make_venv() {
  local python="$1"
  rm -rf "$VENV"
  if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    "$python" -m venv "$VENV" >&2 || die "could not make $VENV; is the disk full or the folder read-only?"
  elif "$python" -c 'import venv, pip' >/dev/null 2>&1; then
    "$python" -m venv --without-pip "$VENV" >&2 || die "could not make $VENV; is the disk full or the folder read-only?"
  else
    rm -rf "$VENV"
    local version
    version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    die "$python has neither ensurepip nor pip, so packages cannot be installed; install one of:
  Debian, Ubuntu:  apt-get install python$version-venv
  Fedora, RHEL:    dnf install python$version-pip  (or python3-pip)
  Alpine:          apk add py3-pip  (glibc is needed too: the embedded PostgreSQL and Java have no musl build)"
  fi
}

pip_install() {
  local lock="$1" python="$2"
  if "$VENV/bin/python" -c 'import pip' >/dev/null 2>&1; then
    "$VENV/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$lock" >&2
  else
    "$python" -m pip --python "$VENV/bin/python" install --disable-pip-version-check --require-hashes -r "$lock" >&2
  fi || die "could not install $lock; see the lines above for the package, the network or the disk"
}

# bootstrap runtime|dev: afterwards $VENV holds exactly what the lock says (dev includes runtime).
bootstrap() {
  local set="$1" lock="requirements/$1.txt" python wanted stamp="$VENV/.locked" have="" begun=$SECONDS
  exec 9>"$ROOT/.bootstrap.lock"
  if command -v flock >/dev/null; then flock 9; fi
  wanted="$(cat requirements/runtime.txt "$lock" | cksum)"
  local alternative
  alternative="$(cat requirements/runtime.txt requirements/dev.txt | cksum)"
  [ -f "$stamp" ] && have="$(cat "$stamp")"
  if [ -x "$VENV/bin/python" ] && { [ "$have" = "$wanted" ] || [ "$have" = "$alternative" ]; }; then
    exec 9>&-
    return
  fi
  python="$(find_python)"
  if ! "$VENV/bin/python" -c '' >/dev/null 2>&1; then
    say "making the Python environment $VENV with $("$python" --version)"
    make_venv "$python"
  fi
  say "installing $(grep -c '==' "$lock") locked packages ($set) into $VENV"
  pip_install "$lock" "$python"
  printf '%s' "$wanted" >"$stamp"
  say "installed in $((SECONDS - begun)) s"
  exec 9>&-
}
