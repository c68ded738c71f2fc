#!/bin/sh
# `make setup` copies this to .venv/bin/izin: the project itself is not installed, it runs from the checkout.
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd) || exit 1
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH
exec "$root/.venv/bin/python" -P -m services.cli.main "$@"
