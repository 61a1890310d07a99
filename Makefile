# Fresh machine: Python >= 3.11 and make, nothing else. `make` alone lists what there is.
PYTHON ?= python3
NPM ?= npm
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PINNED := $(PIP) --require-hashes --no-deps --only-binary :all:
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header $(UPGRADE)
CHROMIUM := $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-proof test test-nightly chaos planted check fix bench words docs site audit screenshots lock

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/app.stamp $(VENV)/assets.stamp ## Make .venv with the tactful command in it; nothing when nothing changed
	@$(BIN)/python -c 'from web.assets import require_assets; require_assets()' 2>/dev/null || \
		{ rm -f $(VENV)/assets.stamp && $(MAKE) --no-print-directory $(VENV)/assets.stamp; }

demo: setup ## Start everything on loopback and send a demo campaign to the end
	@$(BIN)/tactful demo

demo-proof: setup ## Plant one bug at a time in a copy and see that the demo finds each (ten minutes)
	@$(BIN)/python -m tests.demo.plants $(ARGS)

test: setup $(VENV)/test.stamp ## Run every test but the nightly ones, on real Valkey and PostgreSQL
	@$(if $(CHROMIUM),,echo "Chromium is not installed, so the browser tests are left out: install the package chromium to run them.")
	@$(BIN)/python -m pytest -n 3 -m "not nightly" $(if $(CHROMIUM),,--ignore=tests/browser) $(ARGS)

test-nightly: setup $(VENV)/test.stamp ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m nightly $(ARGS)

chaos: setup $(VENV)/test.stamp ## Try the promises with thousands of faults; ROW=stops N=500 SEED=7 DATABASE=sqlite
	@$(BIN)/python -m tests.chaos --row "$(ROW)" --n "$(N)" --seed "$(SEED)" --database "$(DATABASE)"

planted: setup $(VENV)/test.stamp ## Plant one bug at a time in a copy and see that a test catches each; ARGS=name
	@$(BIN)/python -m tests.planted $(ARGS)

check: setup $(VENV)/test.stamp ## Format, lint and types, changing nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

fix: setup $(VENV)/test.stamp ## Mend what format and lint can mend by themselves
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Measure how fast this machine imports, plans and sends, and write it to docs/benchmarks.md
	@$(BIN)/tactful bench --paper docs/benchmarks.md $(ARGS)

words: setup ## Find what the pages say anew and bring it into every language's catalogue
	@mkdir -p build
	@$(BIN)/pybabel -q extract -F babel.cfg -k later --project Tactful --no-location --sort-output -o build/messages.pot .
	@for file in web/translations/*.po; do \
		$(BIN)/pybabel -q update -i build/messages.pot -o $$file -l $$(basename $$file .po) --no-fuzzy-matching --ignore-obsolete \
		--no-wrap --ignore-pot-creation-date; \
	done

docs: setup ## Write docs/commands.md and docs/compliance.md from commands, guards and rule files
	@$(BIN)/typer sender.cli utils docs --name tactful --output docs/commands.md
	@$(BIN)/tactful rules paper --out docs/compliance.md

site: docs $(VENV)/site.stamp ## Build the documents as a site in build/site; fails on a link that leads nowhere
	@NO_MKDOCS_2_WARNING=1 $(VENV)/site/bin/mkdocs build --strict --quiet

audit: setup $(VENV)/audit.stamp ## Known faults, our code, licences, list of parts (build/sbom.json); fails where it could not look
	@$(VENV)/audit/bin/python tests/audit.py

screenshots: setup $(VENV)/test.stamp ## Take a picture of every page
	@$(BIN)/python -m tests.browser.screenshots

lock: $(VENV)/lock.stamp ## Write the locks anew; UPGRADE=--upgrade takes the newest versions
	@$(LOCK) --group build --output-file requirements/build.txt
	@$(LOCK) pyproject.toml --constraints requirements/build.txt --output-file requirements/run.txt
	@$(LOCK) --group test --constraints requirements/run.txt --output-file requirements/test.txt
	@$(LOCK) --group node --output-file requirements/node.txt
	@$(LOCK) --group site --output-file requirements/site.txt
	@$(LOCK) --group audit --output-file requirements/audit.txt
	@$(LOCK) --group lock --output-file requirements/lock.txt
	@$(NPM) install --package-lock-only --loglevel=error

# Each stamp is younger than what it was made from, or its recipe runs again.

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Tactful needs Python 3.11 or later: install the package python3, \
	or name one with make setup PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tactful needs Python 3.11 or later, and \
	$(PYTHON) is $$($(PYTHON) --version): name another with make setup PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python cannot make a virtual environment: \
	install the package python3-venv (sudo apt-get install python3-venv) and run make again." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)

# Wheels only: no package of somebody else runs a script of its own while it is installed.
$(VENV)/run.stamp: requirements/build.txt requirements/run.txt | $(BIN)/python
	@echo "Installing what Tactful runs on (about half a minute)."
	@$(PINNED) -r requirements/build.txt -r requirements/run.txt
	@touch $@

$(VENV)/app.stamp: pyproject.toml $(VENV)/run.stamp
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/assets.stamp: package-lock.json web/assets.py hatch_build.py | $(VENV)/run.stamp
	@npm=$(NPM); \
	if [ "$$($(NPM) --version 2>/dev/null | cut -d. -f1)" -ge 9 ] 2>/dev/null; then :; else \
		echo "This machine has no npm 9 or later: installing one into $(VENV)."; \
		$(PINNED) -r requirements/node.txt && npm=$(BIN)/npm; \
	fi; \
	$$npm ci --ignore-scripts --loglevel=error >/dev/null
	@$(BIN)/python hatch_build.py
	@touch $@

$(VENV)/test.stamp: requirements/test.txt | $(VENV)/run.stamp
	@echo "Installing what the tests need."
	@$(PINNED) -r requirements/test.txt
	@touch $@

# Scanners and the site's builder live in environments of their own: none of them is installed beside the product.
$(VENV)/audit.stamp $(VENV)/site.stamp: $(VENV)/%.stamp: requirements/%.txt | $(BIN)/python
	@$(PYTHON) -m venv --clear $(VENV)/$*
	@$(VENV)/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--only-binary :all: -r $<
	@touch $@

$(VENV)/lock.stamp: requirements/lock.txt | $(BIN)/python
	@$(PINNED) -r requirements/lock.txt
	@touch $@
