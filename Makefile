# Everything is reached from here; `make help` lists it. Settings (QM_PORT=8001 and the like) may
# follow the target: make hands them on.

SHELL := /bin/sh
PYTHON ?= python3
# One more than there are processors: every other test waits for a process or a server.
WORKERS ?= $(shell expr "$$(getconf _NPROCESSORS_ONLN)" + 1)
TESTS ?= tests
BIN := .venv/bin
DOCUMENTS := docs/generated

.DEFAULT_GOAL := help
.PHONY: help up test histories explore check format lint types imports documents catalogue bench replay demo lock \
	installed installed-dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

up: installed ## start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/quartermaster up

test: installed-dev ## run the whole test suite (TESTS=tests/domain for a part)
	@$(BIN)/python -m infrastructure.embedded.rabbitmq_binaries
	@exec $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadgroup --durations 15 $(TESTS)

histories: installed-dev ## thousands of histories of custody in virtual time: make histories QM_HISTORIES=10000
	@QM_HISTORIES=$${QM_HISTORIES:-5000} exec $(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 8 tests/histories

explore: installed-dev ## property tests with new examples, many times as many: make explore QM_EXPLORE=50
	@QM_EXPLORE=$${QM_EXPLORE:-20} exec $(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 8 --timeout 0 -m hypothesis $(TESTS)

check: lint types imports documents ## format, lint, types, import contracts, generated documents

lint: installed-dev ## ruff: format and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: installed-dev ## mypy, strict
	$(BIN)/mypy

imports: installed-dev ## who may import whom
	$(BIN)/lint-imports

documents: installed-dev ## whether docs/generated still says what the code says
	$(BIN)/quartermaster catalogue --check

catalogue: installed-dev ## write docs/generated anew
	$(BIN)/quartermaster catalogue

format: installed-dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: installed-dev ## benchmarks, side by side with their peers
	@$(BIN)/python -m infrastructure.embedded.rabbitmq_binaries
	@exec $(BIN)/quartermaster bench

replay: installed ## drive a running system with real events: make replay DATA=requests.csv.gz
	@test -n "$(DATA)" || { echo 'say which file: make replay DATA=requests.csv.gz' >&2; exit 2; }
	@exec $(BIN)/quartermaster replay "$(DATA)"

demo: installed ## play the story of the demo against the running system
	@exec $(BIN)/quartermaster demo

lock: installed-dev ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		-c requirements.lock --no-emit-index-url --no-header --no-annotate -o requirements-dev.lock

installed installed-dev:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo 'quartermaster: Python 3.11 or newer is needed, and there is no $(PYTHON)' >&2; exit 1; }
	@"$(PYTHON)" install.py $(if $(filter %-dev,$@),dev,run)
