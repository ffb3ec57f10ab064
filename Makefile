# `make` alone prints what there is. Each target sets up what it needs; nothing is installed outside .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
# The demonstration and the tests start hundreds of processes: each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
SCAN := $(VENV)/scan/.installed
# What the console is built from: a change of it is built by whatever target comes next.
WEB := hatch_build.py $(shell find web -name node_modules -prune -o -name test -prune -o -type f ! -name .lock -print)

.PHONY: help setup demo web test check bench sim explore soak fuzz mutants docs dictionary clean lock pictures

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## an environment in .venv with everything pinned, and the command .venv/bin/parley
	@echo "Ready: $(BIN)/parley"

demo: $(READY) ## a line between two parties on this machine, with both consoles until Ctrl-C; ONCE=1 does not stay
	$(BIN)/parley demo --out demo-out $(if $(ONCE),,--stay)

web: $(READY) ## the console's scripts, from web/, with the Node that is in .venv
	$(BIN)/python hatch_build.py

# The style of the code is make check's: tests/tidy says nothing of what the code does.
test: $(READY) ## all tests on all cores, with the coverage gate
	$(BIN)/pytest -q -n auto --ignore=tests/tidy --dist worksteal --cov --cov-report=term

check: $(READY) $(SCAN) ## lint, format, types, direction of imports, scanners, style
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet || { $(BIN)/ruff format --check; exit 1; }
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-cache >$(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }
	$(BIN)/python hatch_build.py check
	tools/scan/run
	$(BIN)/pytest -q tests/tidy

bench: $(READY) ## measures this machine, with the figures in bench-out
	$(BIN)/parley bench --out bench-out

sim: $(READY) ## one simulated world from SEED=0 on, replayed to the byte; COUNT=1 REAL=1 for more of them, and real keys; DAY=1 a whole day
	PYTHONHASHSEED=0 $(BIN)/python -m parley_testkit.sim --seed $${SEED:-0} --count $${COUNT:-1} $${DAY:+--day} $${REAL:+--real}

explore: $(READY) ## every state of a small line, searched whole; SOAK=1 the large searches as well
	PYTHONHASHSEED=0 $(BIN)/python -m parley_testkit.explore $${SOAK:+--soak}

soak: $(READY) ## PAIRS=1000000 of polygons against S2, 200 consoles on one node for CONSOLES=600 s, the tests that take long, worlds for SECONDS=3600, the explorer's large searches; reports in soak-out
	$(BIN)/python -m parley_testkit.agreement --pairs $${PAIRS:-1000000} --out soak-out
	$(BIN)/python -m parley_testkit.consoles --seconds $${CONSOLES:-600} --out soak-out
	$(BIN)/pytest -q -m soak --ignore=tests/explore
	PYTHONHASHSEED=0 $(BIN)/python -m parley_testkit.sim.soak --seconds $${SECONDS:-3600} --out soak-out $${REAL:+--real}
	PYTHONHASHSEED=0 $(BIN)/python -m parley_testkit.explore --soak --seconds $${SECONDS:-3600} --out soak-out

pictures: $(READY) ## the pictures of docs/tutorial, taken anew in a real browser
	PARLEY_PICTURES=docs/tutorial/pictures $(BIN)/pytest -q tests/browser/test_tutorial.py -k officers_tutorial

fuzz: $(READY) ## coverage-guided fuzzing of every decoder, an hour each, with a report in fuzz-out; SECONDS=60 for less
	PYTHONHASHSEED=0 $(BIN)/python -m fuzz --seconds $${SECONDS:-3600} --keep --out fuzz-out $(NAMES)

mutants: $(READY) ## mutation testing of record, crypto, wire and protocol: hours; the report is in mutants-out
	$(BIN)/python tools/mutants.py

docs: $(READY) ## regenerates docs/reference, docs/architecture.svg and the table in ARCHITECTURE.md
	$(BIN)/python tools/architecture.py
	$(BIN)/python tools/reference.py

dictionary: $(READY) ## makes the dictionaries of forms anew, from tools/remarks and the texts of the bench
	$(BIN)/python tools/dictionary.py

clean: ## removes what make made
	rm -rf $(VENV) demo-out bench-out soak-out fuzz-out mutants-out mutants dist htmlcov .coverage .coverage.* .hypothesis
	rm -rf web/node_modules src/parley/console/static
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

lock: $(READY) ## pins the newest versions that requirements/*.in allow, with hashes
	tools/pip-quiet $(VENV) install --require-hashes --no-deps -r requirements/tools.lock
	cd requirements && for name in runtime dev tools scan; do \
	    ../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	        --no-emit-index-url --no-annotate --no-header $$name.in --output-file $$name.lock || exit 1; \
	done

$(VENV)/bin/python:
	@tools/make-venv $(VENV)

$(VENV)/.dependencies: requirements/dev.lock | $(VENV)/bin/python
	@echo "Installing into $(VENV) ..."
	@tools/pip-quiet $(VENV) install --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

$(SCAN): requirements/scan.lock | $(READY)
	@tools/make-venv $(VENV)/scan
	@echo "Installing the scanners into $(VENV)/scan ..."
	@tools/pip-quiet $(VENV)/scan install --require-hashes --no-deps -r requirements/scan.lock
	@touch $@

$(READY): $(VENV)/.dependencies pyproject.toml $(WEB)
	@tools/pip-quiet $(VENV) install --no-deps --no-build-isolation -e .
	@touch $@
