#!/usr/bin/env bash
# Renew requirements.lock for Python 3.11 to 3.13 on Linux and macOS, and show what changed.
# UPGRADE=no keeps the versions that are there, and only adds or removes what pyproject.toml asks for.
set -euo pipefail
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install --quiet uv
upgrade=--upgrade
if [ "${UPGRADE:-yes}" = no ]; then
    upgrade=--no-upgrade
    cp requirements.lock "$tools/requirements.lock"
fi
"$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 $upgrade --all-extras \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package lecture-utils \
    pyproject.toml --output-file "$tools/requirements.lock"
{ diff -U0 requirements.lock "$tools/requirements.lock" || true; } | grep '^[-+][^-+]' || echo "requirements.lock: nothing changed"
cp "$tools/requirements.lock" requirements.lock
