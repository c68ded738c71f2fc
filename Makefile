# The only list of commands; `make` prints it. CI runs `make ci`, which is what a developer runs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
AT_ONCE ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup up fmt lint types imports test test-fast cov bench bench-tools lock ci

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv with the locked dependencies; does nothing when it is up to date

$(INSTALLED): requirements.lock services/cli/izin.sh
	@command -v $(PYTHON) >/dev/null || { \
	    echo "izin: no $(PYTHON) found; install Python 3.11 or newer, or run make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "izin: $(PYTHON) is `$(PYTHON) -V 2>&1`, and 3.11 or newer is needed; run make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "izin: this Python has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock || { \
	    echo "izin: the dependencies could not be installed. Does pip name a package without a matching" >&2; \
	    echo "izin: distribution? Then it has no wheel for `$(BIN)/python -c 'import platform as p; print(p.system(), p.machine(), "Python", p.python_version())'`; try another Python (make PYTHON=...)" >&2; exit 1; }
	@cp services/cli/izin.sh $(BIN)/izin && chmod 755 $(BIN)/izin
	@touch $@

up: setup ## serve everything on http://127.0.0.1:8080, with a demo world on the first start
	@exec $(BIN)/izin up --demo

fmt: setup ## format the code, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup ## formatting and lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup ## both type checkers
	$(BIN)/mypy
	$(BIN)/basedpyright

imports: setup ## who may import whom
	$(BIN)/lint-imports

test: setup ## all tests; starts its own PostgreSQL and Valkey. AT_ONCE=0: in one process
	$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile

test-fast: setup ## the tests that need no server
	$(BIN)/python -m pytest tests/domain tests/project

cov: setup ## all tests, with the coverage that is asked for
	$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile --cov --cov-report=
	$(BIN)/coverage report --include='shared/domain/*' --fail-under=100
	$(BIN)/coverage report --fail-under=95

bench: setup ## print the benchmark table; BENCH=quick for a short run. Never fails for being slow
	$(BIN)/python -m loadtests.bench $(BENCH)

bench-tools: ## install what the benchmarks need besides Python (Debian, as root)
	apt-get update
	apt-get install -y --no-install-recommends wrk gcc libc6-dev redis-tools webdis \
	    nginx libnginx-mod-http-lua lua-cjson

# Needs `uv` (pip install uv). Universal: one file for every platform and Python; it names no registry.
lock: ## resolve pyproject.toml into requirements.lock
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --upgrade \
	    --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	    --quiet --output-file requirements.lock

ci: lint types imports cov ## what CI runs
