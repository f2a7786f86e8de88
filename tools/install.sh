#!/usr/bin/env bash
# Make the virtual environment: find a Python, install the pinned packages, compile them, install the workbook itself.
# usage: tools/install.sh VENV        (PYTHON=... names an interpreter; the Makefile calls this)
set -euo pipefail
venv=$1
fail() { echo "install: $*" >&2; exit 1; }

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
python=""
for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$supported" 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "needs Python 3.11, 3.12 or 3.13, found $( (${PYTHON:-python3} --version 2>&1 || true) | tail -n 1). Install one of them, or name it: make run PYTHON=/path/to/python3.11"

made_for() { sed -n '1s/^#!//p' "$venv/bin/pip" 2>/dev/null; }
case "$venv" in /*) here=$venv ;; *) here=$PWD/$venv ;; esac
if [ ! -x "$venv/bin/python" ] || [ "$(dirname "$(made_for)")" != "$here/bin" ] \
    || ! "$venv/bin/python" -c "$supported" 2>/dev/null; then
    free=$(df -Pk . | awk 'NR == 2 {print int($4 / 1024)}')
    [ "$free" -ge 4500 ] || fail "needs about 4.5 GB of free disk space here, found $free MB. Free some space, or clone to another disk."
    echo "Making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" || fail "the venv module does not work here (on Debian and Ubuntu: apt-get install python3-venv)."
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1
echo "Installing the pinned packages (about 0.8 GB to download the first time; a few minutes)"
quiet=--quiet
[ -t 1 ] && quiet=--progress-bar=on
"$venv/bin/python" -m pip install $quiet --no-compile -r requirements.lock \
    || fail "the packages could not be installed: the lines above say which. Run the same command again, it goes on where it was."
"$venv/bin/python" -m pip install --quiet --no-compile --no-deps --no-build-isolation --editable . \
    || fail "the workbook's own package could not be installed: the lines above say why."

"$venv/bin/python" tools/quiet_nbgrader.py

# TensorFlow starts in 6 s from compiled files and in 20 s without; do it here, whatever the environment says.
echo "Compiling the packages"
"$venv/bin/python" -m compileall -q -j 0 "$venv/lib" >/dev/null 2>&1 || true
echo "$PWD" > "$venv/.installed"
echo "Installed in $venv ($(du -sh "$venv" | cut -f1))"
