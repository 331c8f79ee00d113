# Everything is installed into .venv from the hash-checked lock; nothing else on the machine is touched.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test browser quick screens check format proof soak chaos fleet bench dist lock clean

help: ## print this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-9s %s\n", $$1, $$2}'

$(STAMP): requirements.txt pyproject.toml
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

install: $(STAMP) ## install the program and its tools into .venv

run: $(STAMP) ## migrate the demo plan against a local ROMA Connect
	$(BIN)/roma-migrate demo

test: $(STAMP) browser ## run every test (several minutes)
	$(BIN)/python -m pytest -n 4 --dist worksteal

browser: $(STAMP) ## get what the browser tests need, as far as that is possible here
	-@sh tests/browser/install.sh $(VENV)/browser

quick: $(STAMP) ## run the tests that start no process of their own (two minutes)
	$(BIN)/python -m pytest -n 4 --dist worksteal tests/core tests/roma tests/storage tests/engine tests/emulator tests/cli tests/plans tests/test_citations.py tests/test_anchors.py

screens: $(STAMP) ## renew the screens in the README and in tests/cli/data: look at the difference
	RENEW=1 $(BIN)/python -m pytest -n 0 -q tests/cli/test_screens.py tests/cli/output/test_cells.py

check: $(STAMP) ## format, lint, types and the import ladder
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proof: $(STAMP) ## 2,000 simulated nights and the long tests
	$(BIN)/python -m tests.simulation.soak --seeds 2000
	$(BIN)/python -m pytest -n 2 -m proof

soak: $(STAMP) ## simulate SEEDS nights (default 100000); FIRST, LOG and BUDGET as in --help
	$(BIN)/python -m tests.simulation.soak --seeds $(or $(SEEDS),100000) --first $(or $(FIRST),0) $(if $(LOG),--log $(LOG)) $(if $(BUDGET),--budget $(BUDGET))

chaos: $(STAMP) ## kill real processes KILLS times (default 200)
	$(BIN)/python -m tests.chaos $(or $(KILLS),200)

fleet: $(STAMP) ## a fleet in a box: a worker is killed, and what happened when is printed
	$(BIN)/python -m tests.chaos.lab

bench: $(STAMP) ## the table of ratios in tests/benchmarks (about forty minutes)
	$(BIN)/python -m tests.benchmarks --most 10000

dist: $(STAMP) ## wheel, wheels with an installer for sites without registries, bill of materials, into dist/
	$(BIN)/python -m tests.packaging

lock: ## renew requirements.txt from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra dev --no-emit-index-url pyproject.toml -o requirements.txt

clean: ## remove what make installed
	rm -rf $(VENV)
