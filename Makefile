.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
export OMP_NUM_THREADS ?= 1
PROCESSES ?= 2# in which the tests run side by side
WAITING ?= 3# processes for tests of whole campaigns, which wait for other processes half of their time
PYTEST := $(BIN)/python -m pytest -n $(PROCESSES)

help: ## show what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: $(VENV)/.installed dft ## install, then run a real campaign (docs/examples/quickstart.yaml)
	$(BIN)/petalite run docs/examples/quickstart.yaml

serve: $(VENV)/.installed assets ## install, then serve the dashboard and the API with a worker on http://127.0.0.1:8642
	$(BIN)/petalite serve

test: $(VENV)/.installed-dev dft assets browser ## install, then run the quick tests, the dashboard's and one real campaign
	$(PYTEST) --dist worksteal -m "not (slow or physics or bench or dft or postgres or campaign or endurance or browser)"
	$(PYTEST) --dist loadfile -m "browser and not (slow or campaign)"
	$(BIN)/python -m pytest -n $(WAITING) --dist loadfile -m "(campaign or dft) and not (slow or postgres)"

test-all: $(VENV)/.installed-dev dft assets browser ## every test, the slow ones and the physics too
	$(BIN)/python -m pytest -m "not postgres"

test-endurance: $(VENV)/.installed-dev ## thousands of requests and broken files, dozens of kills
	$(PYTEST) -m "endurance and not postgres"

test-postgres: $(VENV)/.installed-dev ## the store's tests on a PostgreSQL server of their own
	tools/test_postgres.sh $(BIN)/python

check: $(VENV)/.installed-dev ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev ## speed, as ratios measured side by side in one run
	@for script in benchmarks/*.py; do $(BIN)/python $$script --json || exit 1; done

dft: $(VENV)/.installed ## install GPAW for the DFT fidelity; says so and goes on where it cannot be built
	@tools/install_gpaw.sh $(BIN)/pip

assets: services/dashboard/vendor ## install the dashboard's scripts from npm; says so and goes on without node

services/dashboard/vendor: services/dashboard/package-lock.json tools/install_assets.sh
	@tools/install_assets.sh && if [ -d $@ ]; then touch $@; fi

browser: ## install the system's Chromium for the dashboard's tests; says so and goes on where it cannot be
	@tools/install_browser.sh

screenshots: $(VENV)/.installed-dev assets browser ## pictures of every page of the dashboard, into docs/images
	$(BIN)/python tools/screenshots.py

clean: ## remove the environment; what was computed is kept in petalite-data
	rm -rf $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (about 2 GB, some minutes the first time) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt torch==2.13.0
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --constraint constraints.txt --editable '.[test,check,transport]'
	touch $@

.PHONY: help run serve test test-all test-endurance test-postgres check bench dft assets browser screenshots clean
