# `make help` lists what there is. Everything lands in this folder: .venv (Python
# packages), .cache (the Kafka jars), .scserv (the data of `make up`).
PYTHON ?= python3
VENV   := .venv
STAMP  := $(VENV)/.installed
BIN    := $(VENV)/bin
LOCK   := requirements/dev.txt
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
FROM_LOCK := --no-compile --require-hashes -r
KAFKA  := $(VENV)/.kafka
TESTS  := $(VENV)/.tests

# Most tests wait for processes more than they compute: more workers than cores are faster.
WORKERS ?= 4
WORKING := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The tests start hundreds of Python processes; without cached bytecode each compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup up test drills test-long check contracts peers containers screenshots bench versus chaos soak lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(TESTS)  ## Python packages in .venv, from the lock file, and Kafka in .cache
	@$(BIN)/python -m inbound.local.servers.jars

$(STAMP): $(LOCK) requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "scserv needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo >&2 "setup: Python packages into $(VENV) (a quarter of a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@{ ! $(BIN)/python -m pip config list | grep -q index-url && \
	  $(PIP) $(FROM_LOCK) requirements/uv.txt && \
	  $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes -r $(LOCK); } || { \
	  echo >&2 "setup: with pip, which takes a minute, as uv can't or pip has an index of its own"; \
	  $(PIP) $(FROM_LOCK) $(LOCK); }
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# So that every start takes half the time.
$(KAFKA): $(STAMP) inbound/local/servers/class_archive.py inbound/local/servers/java.py
	@$(BIN)/python -m inbound.local.bytecode & bytecode=$$!; \
	  $(BIN)/python -m inbound.local.servers.class_archive; archive=$$?; wait $$bytecode && exit $$archive
	@touch $@

# Otherwise the workers of the first test run compile all tests at the same time, each for itself.
$(TESTS): $(KAFKA)
	@echo >&2 "setup: bytecode of the tests (half a minute, once)"
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null || true
	@touch $@

up: $(KAFKA)  ## run the whole service here: text it with `.venv/bin/scserv text NUMBER "CLIENT info"`
	@exec $(BIN)/scserv up

test: $(TESTS)  ## the tests, on a real Kafka and a real PostgreSQL; some of them with ARGS=tests/unit
	@$(if $(ARGS),,echo >&2 "test: without the drills (kills, outages, attacks, upgrades, fuzzing); make drills runs them")
	@$(BIN)/python -m pytest $(or $(ARGS),$(WORKING) -m 'not drill')

drills: $(TESTS)  ## the tests with kills, outages, attacks, fuzzing, upgrades and restores, which take longer
	@$(BIN)/python -m pytest $(WORKING) -m drill $(ARGS)

test-long: $(KAFKA)  ## what takes an hour: other and more random examples, fuzzing, campaigns of faults
	@$(BIN)/python -m pytest $(WORKING) --hypothesis-profile=long $(ARGS)
	@$(BIN)/python -m tests.unit.smpp.fuzz --seconds 1200
	@for seed in 1 2 3 4; do $(MAKE) --no-print-directory chaos SEED=$$seed FAULTS=200 || exit 1; done

check: $(STAMP)  ## linters, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

contracts: $(STAMP)  ## what other services build on: refuses a change that would break them
	@$(BIN)/scserv schemas check

peers: $(KAFKA)  ## programs of others: Node, Perl, Kannel (.ci/peers installs what is missing)
	@.ci/peers
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/peers $(ARGS)

containers: $(KAFKA)  ## docker-compose.yml and an installation with systemd, in real containers (as root)
	@.ci/containers
	@$(BIN)/python -m pytest tests/containers --timeout 1800 $(ARGS)

screenshots: $(KAFKA)  ## the images of docs/images, taken of a running service
	@.ci/peers
	@$(BIN)/python -m tests.peers.screenshots

bench: $(KAFKA)  ## load the whole service, work through a million events, ask the desk over 10 million (DESK_REQUESTS=N); a JSON object each
	@$(BIN)/python -m tests.bench $(ARGS)
	@$(BIN)/python -m tests.bench.projections
	@$(BIN)/python -m tests.bench.replay
	@$(BIN)/python -m tests.bench.eventlog
	@$(BIN)/python -m tests.bench.broadcast
	@$(BIN)/python -m tests.bench.messages
	@$(BIN)/python -m tests.bench.dialects
	@$(BIN)/python -m tests.bench.desk --requests $(or $(DESK_REQUESTS),1900000)

versus: $(KAFKA)  ## this service and Kannel with a script, in turns; a JSON object for each round and one for all
	@.ci/peers
	@$(BIN)/python -m tests.bench.versus $(ARGS)

chaos: $(KAFKA)  ## faults from a seed against the whole service, then a balance (SEED=N FAULTS=N MACHINES=3)
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) --faults $(or $(FAULTS),100) \
	  $(if $(MACHINES),--machines $(MACHINES)) $(ARGS)

soak: $(KAFKA)  ## mixed load with a fault a minute, then whether anything grew (HOURS=24; 2 if not given)
	@$(BIN)/python -m tests.chaos.soak --hours $(or $(HOURS),2) $(ARGS)

lock: $(STAMP)  ## write requirements/*.txt again from pyproject.toml and requirements/*.in
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra embedded --extra dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  -c requirements/dev.txt pyproject.toml -o requirements/run.txt
	@for of in uv peers node; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --no-emit-package typing requirements/$$of.in -o requirements/$$of.txt || exit 1; done

clean:  ## remove what setup and up made here (the data of `make up` too)
	rm -rf $(VENV) .cache .scserv
