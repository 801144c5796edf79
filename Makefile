# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.
# Each target sets up what it needs in .venv, from Python 3.10 or later and PyPI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-to-run
WORK_READY := $(VENV)/.ready-to-work
MELTANO := $(VENV)/meltano
MELTANO_READY := $(MELTANO)/.ready
AIRFLOW := $(VENV)/airflow
DAGSTER := $(VENV)/dagster
TAP := $(VENV)/tap-postgres
PIP_QUIETLY := -m pip --disable-pip-version-check -qq
PIP := $(BIN)/python $(PIP_QUIETLY)
WHEEL := build/wheel
WORKERS ?= auto
CRASH_INSTANTS ?= 30
# `make airflow` does both of these, `make test` the first, and this one of your own:
# make airflow STORES=5 EXECUTOR=CeleryExecutor
AIRFLOW_RUNS := 3:LocalExecutor 20:CeleryExecutor
ifneq ($(STORES)$(EXECUTOR),)
AIRFLOW_RUNS := $(or $(STORES),3):$(or $(EXECUTOR),LocalExecutor)
endif
# Debian's package keeps the server's commands out of PATH.
POSTGRESQL := $(wildcard /usr/lib/postgresql/*/bin/initdb) $(shell command -v initdb)

# axe-core looks for what keeps people from using a page; it comes from npm.
AXE_VERSION := 4.14.1
AXE := $(VENV)/axe/node_modules/axe-core/axe.min.js
BROWSER_READY := $(VENV)/.ready-to-browse
CHROMIUM := $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))
NPM := $(shell command -v npm)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint style types imports workflows unit crash meltano airflow dagster \
  no-postgresql browser no-browser pictures lowest prerelease mutants format bench build wheel clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN_READY) ## See stock of two real taps arrive at a stand-in for the API; KEEP=1 keeps its page
	@$(BIN)/tocobagus demo $(if $(KEEP),--keep)

test: AIRFLOW_RUNS = 3:LocalExecutor
test: lint unit ## Run every check: style, types, imports, workflows, tests, pages, Meltano, Airflow
test: $(if $(CHROMIUM),$(if $(NPM),browser,no-browser),no-browser)
test: $(if $(strip $(POSTGRESQL)),meltano airflow,no-postgresql)

lint: style types imports workflows ## Run the checks that run no code: the four below

style: $(WORK_READY) ## ... style and format (ruff)
	@echo "== ruff: style, then format"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --diff

types: $(WORK_READY) ## ... types (mypy)
	@echo "== mypy: types"
	@$(BIN)/mypy

imports: $(WORK_READY) ## ... which part may import which (import-linter)
	@echo "== import-linter: which part may import which"
	@$(BIN)/lint-imports --no-logo

workflows: $(WORK_READY) ## ... workflows, dependabot.yml, meltano.yml (check-jsonschema, zizmor)
	@echo "== check-jsonschema: workflows, dependabot.yml, meltano.yml"
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.meltano meltano.yml
	@echo "== zizmor: what a workflow may be tricked into"
	@$(BIN)/zizmor --offline --no-progress --quiet .github

unit: $(WORK_READY) ## Run the tests, child processes' coverage included
	@echo "== pytest: tests"
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --quiet --hypothesis-profile ci --ignore tests/laws/test_crash.py \
	  --ignore tests/meltano --ignore tests/browser --ignore tests/orchestrators \
	  --numprocesses $(WORKERS) --dist worksteal
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@echo "== pytest: the target is killed at any instant, $(CRASH_INSTANTS) times"
	@CRASH_INSTANTS=$(CRASH_INSTANTS) $(BIN)/python -m pytest --quiet tests/laws/test_crash.py

crash: CRASH_INSTANTS = 500
crash: $(WORK_READY) ## Kill the target at 500 instants, and see that nothing is lost
	@CRASH_INSTANTS=$(CRASH_INSTANTS) $(BIN)/python -m pytest --quiet tests/laws/test_crash.py

meltano: $(WORK_READY) $(MELTANO_READY) ## Let Meltano run tap-postgres into the target, from a PostgreSQL
	@echo "== pytest: Meltano, tap-postgres and PostgreSQL"
	@MELTANO=$(abspath $(MELTANO))/bin/meltano $(BIN)/python -m pytest --quiet tests/meltano

airflow: $(WORK_READY) $(AIRFLOW)/.ready $(TAP)/.ready ## Let Airflow run many stores, first on one machine, then on Celery and Redis
	@for run in $(AIRFLOW_RUNS); do \
	  echo "== pytest: Airflow, $${run#*:}, $${run%:*} stores from tap-postgres"; \
	  AIRFLOW=$(abspath $(AIRFLOW))/bin STORES=$${run%:*} EXECUTOR=$${run#*:} \
	    $(BIN)/python -m pytest --quiet --capture=no tests/orchestrators/test_airflow.py || exit 1; \
	done

dagster: $(WORK_READY) $(DAGSTER)/.ready $(TAP)/.ready ## Let Dagster run many stores, a partition for each
	@echo "== pytest: Dagster, $(or $(STORES),6) stores from tap-postgres"
	@DAGSTER=$(abspath $(DAGSTER))/bin STORES=$(or $(STORES),6) \
	  $(BIN)/python -m pytest --quiet --capture=no tests/orchestrators/test_dagster.py

no-postgresql:
	@echo "== LEFT OUT: Meltano, Airflow, and the ledger on PostgreSQL, which is missing; sudo apt-get install postgresql, make meltano airflow"

browser: $(BROWSER_READY) ## Look at the sandbox's page in Chromium, with axe-core
	@echo "== pytest: pages in a browser"
	@AXE=$(abspath $(AXE)) $(BIN)/python -m pytest --quiet tests/browser

no-browser:
	@echo "== LEFT OUT: pages in a browser, as Chromium or npm is missing; sudo apt-get install chromium npm, make browser"

pictures: $(BROWSER_READY) ## Make the pictures of the documents anew, in docs/pictures/
	@$(BIN)/python -m tests.browser.pictures

lowest: VERSIONS = --resolution lowest-direct
lowest: ## Run the tests with the lowest versions that pyproject.toml allows
prerelease: VERSIONS = 'singer-sdk>=0.55.dev0'# the last minor version that pyproject.toml allows
prerelease: ## Run the tests with the Singer SDK to come: its pre-release, where there is one
lowest prerelease:
	@echo "Setting up build/$@ ..."
	@rm -rf build/$@ && $(PYTHON) -m venv build/$@
	@build/$@/bin/python $(PIP_QUIETLY) install --upgrade 'pip>=25.1' uv
	@build/$@/bin/uv pip install --quiet --python build/$@ $(VERSIONS) --editable '.[sandbox,postgresql]'
	@build/$@/bin/uv pip freeze --python build/$@ --exclude-editable > build/$@/versions.txt
	@build/$@/bin/uv pip install --quiet --python build/$@ --group test --constraint build/$@/versions.txt
	@echo "== pytest: tests, with $$(grep singer-sdk build/$@/versions.txt) and the like"
	@build/$@/bin/python -m pytest --quiet --ignore tests/laws/test_crash.py --numprocesses $(WORKERS) \
	  --dist worksteal $(TESTS)

mutants: $(WORK_READY) ## Break the program on purpose, and see that a test says so
	@$(BIN)/python tests/mutants.py

format: $(WORK_READY) ## Let ruff fix what it can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(WORK_READY) ## Measure the speed against a plain SDK target, and what the ledger costs
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/ledger.py

build: $(WORK_READY) ## Build the wheel and the sdist into dist/, and check them
	@echo "== build, twine check: dist/"
	@rm -rf dist
	@$(BIN)/python -m build > /dev/null
	@$(BIN)/twine check --strict dist/*

# What runs the installed commands, or reads the package's data; the other tests run its modules alone.
WHEEL_TESTS := tests/e2e tests/cli tests/sandbox tests/config tests/recognition

wheel: build ## Install the wheel where there are no sources, and run the commands' tests against it
	@rm -rf $(WHEEL) && mkdir -p $(WHEEL)
	@tar xf dist/*.tar.gz -C $(WHEEL) --strip-components=1
	@rm -r $(WHEEL)/target_tocobagus
	@$(PYTHON) -m venv $(WHEEL)/.venv
	@$(WHEEL)/.venv/bin/python $(PIP_QUIETLY) install --upgrade 'pip>=25.1'
	@$(WHEEL)/.venv/bin/python $(PIP_QUIETLY) install "$$(echo dist/*.whl)[sandbox,postgresql]" --group test
	@echo "== pytest: the tests of the sdist, against the wheel"
	@cd $(WHEEL) && .venv/bin/python -m pytest --quiet --hypothesis-profile ci \
	  --numprocesses $(WORKERS) --dist worksteal \
	  $(WHEEL_TESTS)

clean: ## Remove what the other targets have made
	@rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(RUN_READY): pyproject.toml target_tocobagus/__init__.py  # which holds the version
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or later is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV), once ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --editable '.[sandbox,postgresql]'
	@touch $@

$(WORK_READY): $(RUN_READY)
	@echo "Setting up the tools of the checks, once ..."
	@$(PIP) install --group dev
	@touch $@

# uv, because Airflow has some 150 packages.
$(AIRFLOW)/.ready $(DAGSTER)/.ready $(TAP)/.ready: $(WORK_READY)
	@echo "Setting up $(@D), once ..."
	@$(PIP) install uv
	@$(PYTHON) -m venv $(@D)
	@$(BIN)/uv pip install --quiet --python $(@D) --group $(notdir $(@D))
	@touch $@

$(MELTANO_READY): $(WORK_READY)
	@echo "Setting up Meltano in $(MELTANO), once ..."
	@$(PYTHON) -m venv $(MELTANO)
	@$(MELTANO)/bin/python $(PIP_QUIETLY) install --upgrade 'pip>=25.1'
	@$(MELTANO)/bin/python $(PIP_QUIETLY) install --group meltano
	@touch $@

$(BROWSER_READY): $(WORK_READY)
	@echo "Setting up what the tests in a browser need, once ..."
	@$(PIP) install --group browser
	@npm install --prefix $(VENV)/axe --no-save --no-audit --no-fund --silent axe-core@$(AXE_VERSION)
	@touch $@
