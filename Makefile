# Every command a person types. `make` prints them.
SHELL := /bin/sh
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
T ?=
B ?=
M ?=

.PHONY: help run test fast check lint fix types arch schema texts vectors vendor e2e bench long soak faults mutants chaos sbom audit lock admin wheels bare clean

help: ## print this list
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: .venv/app.stamp ## fresh machine to running app on http://127.0.0.1:8000
	@$(PY) -m kim.stack

test: .venv/dev.stamp node_modules/.stamp ## fresh machine to green; T=PATH for a part
ifeq ($(T),)
	@$(PY) -m tests.suite
else
	@$(PY) -m tests.suite $(T)
endif

fast: .venv/dev.stamp node_modules/.stamp ## ruff, unit tests, node tests: at every save
	@.venv/bin/ruff check -q .
	@$(PYTEST) -q -n 2 tests/unit
	@npm test --silent

check: test lint types arch schema texts wheels bare ## what CI runs

lint: .venv/dev.stamp node_modules/.stamp ## ruff, djlint, prettier, eslint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/djlint templates --lint --quiet
	.venv/bin/djlint templates --check --quiet
	npm run --silent lint

fix: .venv/dev.stamp node_modules/.stamp ## the same, writing
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	-.venv/bin/djlint templates --reformat --quiet
	npm run --silent fix

types: .venv/dev.stamp node_modules/.stamp ## mypy strict, tsc checkJs
	$(PY) -m mypy .
	npm run --silent types

arch: .venv/dev.stamp ## the arrows; the house tests are in `make test T=tests/project`
	.venv/bin/lint-imports --no-cache

schema: .venv/dev.stamp ## docs/openapi.yaml from the code; a difference fails
	@$(PY) -m tests.schema

texts: .venv/dev.stamp ## the German catalogues follow the sources; WRITE=1 renews them
	@$(PY) -m tests.texts

vectors: .venv/dev.stamp node_modules/.stamp ## check the shared vectors in both languages; FORCE=1 makes them anew
	$(if $(FORCE),$(PY) tests/vectors/generate.py)
	$(PYTEST) -q tests/unit -k "vector or floe"
	node --test tests/js/*.test.js

vendor: ## copy the pinned browser libraries into static/vendor
	node requirements/vendor.mjs

e2e: .venv/dev.stamp node_modules/.stamp ## the story in headless Chromium
	@$(PY) -m tests.suite tests/e2e

bench: .venv/dev.stamp ## benchmarks; B=NAME for one
	@$(PY) -m tests.bench $(B)

long: .venv/dev.stamp ## what is too long for CI: sixty kills, large transfers
	@$(PY) -m tests.suite --long

soak: .venv/dev.stamp ## two hundred thousand random steps
	KIM_STORIES=2520 $(PYTEST) -q tests/soak

faults: .venv/dev.stamp ## plant every fault of tests/faults; CI's stories must find each
	@$(PY) -m tests.faults

mutants: .venv/dev.stamp ## mutation score of the pure payment modules; M=NAME for one
	@$(PY) -m tests.faults.mutate $(M)

chaos: .venv/dev.stamp ## everybody killed, paused and cut off at random while people sell and buy; MINUTES=30 SEED=n
	@$(PY) -m tests.chaos --minutes $(or $(MINUTES),30) --seed $(or $(SEED),0)

wheels: .venv/dev.stamp ## the pinned set resolves to wheels on every Python we name
	@$(PY) -m tests.wheels

bare: .venv/dev.stamp ## requirements.txt alone runs the product
	@$(PY) -m tests.bare

sbom: .venv/dev.stamp ## the software bill of materials, CycloneDX JSON
	@$(PY) -m tests.sbom

audit: .venv/dev.stamp node_modules/.stamp ## known holes and yanked versions, where a network can tell
	@$(PY) -m tests.audit

lock: .venv/dev.stamp ## requirements/*.in to pinned files with hashes
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" requirements/app.in -o requirements.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" requirements/dev.in -o requirements/dev.txt

admin: .venv/app.stamp ## make a staff login for the instance of `make run`
	@$(PY) -m kim.stack --manage createsuperuser

clean: ## remove what can be made again (never var/)
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/app.stamp: requirements.txt requirements/system.sh
	@requirements/system.sh app
	@[ -x $(PY) ] || python3 -m venv .venv
	@echo "Installing the pinned packages"
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/dev.stamp: .venv/app.stamp requirements/dev.txt
	@requirements/system.sh test
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt -r requirements/dev.txt
	@touch $@

node_modules/.stamp: package-lock.json .venv/dev.stamp
	@npm ci --silent --no-audit --no-fund
	@touch $@
