# What one can do here; `make help` lists it.

PYTHON ?= python3
BIN := .venv/bin
# A folder of labelled texts, for what measures and fits; not part of the project.
LABELLED ?= ../shared/eval
labelled = @[ -d "$(LABELLED)" ] || { echo "There are no labelled texts in $(LABELLED): make $@ LABELLED=FOLDER"; exit 1; }
quality := $(if $(wildcard $(LABELLED)),--labelled $(LABELLED))
# Tests on servers wait more than they work: processes beside each other, each with servers of its
# own (1.3 GiB). Those that measure time follow, alone.
TESTERS ?= 2
define served
	$(BIN)/pytest -n $(TESTERS) --dist loadscope -m 'not alone' $(1)
	$(BIN)/pytest -m alone $(1)
endef
.DEFAULT_GOAL := help
# Every target is a command but .venv/.ready, so that a folder of the same name does not hide one.
.PHONY: $(shell awk -F: '/^[a-z0-9-]+:.*## / {print $$1}' $(MAKEFILE_LIST))

help:  ## list what one can do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready  ## create .venv from the locked dependencies

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, $$($(PYTHON) --version) was found; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Creating .venv from requirements.lock (about a minute the first time)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## show it all: real servers, invented mentions, a live view
	@$(BIN)/mentions demo

up: setup  ## start the embedded Kafka and Elasticsearch
	@$(BIN)/mentions up

down: setup  ## stop them
	@$(BIN)/mentions down

test: lint types imports contract sbom unit shipped sources  ## run everything that CI runs
	$(if $(wildcard $(LABELLED)),$(BIN)/python -m benchmarks.quality --short $(LABELLED),@echo "Left out: quality. There are no labelled texts in $(LABELLED): make test LABELLED=FOLDER")
	$(call served,tests/e2e tests/integration)
	$(BIN)/python -m tests.faults --faults 10 --mentions 2500 --together 5 --seed 3
	$(MAKE) --no-print-directory guard

lint: setup  ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup  ## mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup  ## check types
	$(BIN)/mypy

imports: setup  ## check that imports point the right way
	$(BIN)/lint-imports

schemas: setup  ## renew schemas/published after a change of a message or a topic
	@$(BIN)/mentions schema export

contract: setup  ## check that what is published is up to date, compatible and valid
	$(BIN)/mentions schema export --check
	$(BIN)/mentions schema diff
	$(BIN)/npm ci --silent --prefix .ci/asyncapi
	$(BIN)/node .ci/asyncapi/validate.mjs schemas/published/asyncapi.yaml

unit: setup  ## run the tests that need no server
	$(BIN)/pytest -n auto --dist worksteal tests/unit

shipped: setup  ## hold docs, schemas, Kibana's content and deployment to the program
	$(BIN)/pytest -n auto --dist worksteal tests/shipped

sources: setup  ## run the contract suite over every source
	$(BIN)/pytest -n auto --dist worksteal tests/contract

integration: setup  ## run the tests on real servers
	$(call served,tests/integration)

sbom: setup  ## write a software bill of materials (CycloneDX) to build/sbom.json
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
	  --output-reproducible --of JSON -o build/sbom.json

audit: setup  ## look up known vulnerabilities of what is locked; needs an index with advisories
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r requirements.lock

faults: setup  ## break real servers and processes, count what was lost
	$(BIN)/python -m tests.faults $(FAULTS)

fuzz: setup  ## look for inputs that break decode or enrich, a minute or FUZZ=-max_total_time=…
	$(BIN)/python -m tests.fuzz -max_len=4000 $(or $(FUZZ),-max_total_time=60)

e2e: setup  ## run the commands that a user types
	$(BIN)/pytest tests/e2e

bench: setup  ## compare with peers and floors, the short form (less than 3 minutes on two idle cores)
	@$(BIN)/python -m benchmarks.run --out .bench/run.json --report $(quality)

bench-full: setup  ## the same with all rounds, latency and a soak (some 30 minutes), kept in results/
	@$(BIN)/python -m benchmarks.run --form full --report $(quality)

guard: setup  ## see that no ratio of ours to a floor or peer, nor speed, has collapsed (over a minute)
	$(BIN)/python -m benchmarks.speed --short
	$(BIN)/python -m benchmarks.run --form guard --out .bench/guard.json --against benchmarks/guard.json

scaling: setup  ## how cost grows with watchlist, text, partitions, workers, documents, sources
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.report $$(ls -t benchmarks/results/*-scaling.json | head -1)

quality: setup  ## measure on labelled texts, LABELLED=FOLDER; renew docs/quality.md (some 15 minutes)
	$(labelled)
	$(BIN)/python -m benchmarks.quality --download --out docs/quality.md $(LABELLED)

profile: setup  ## where an enrich worker spends its time, by py-spy; as root
	$(BIN)/python -m benchmarks.profiling

speed: setup  ## how fast enrichment is, on one core
	$(BIN)/python -m benchmarks.speed $(wildcard $(LABELLED))

models: setup  ## fit the sentiment models that come with the package, LABELLED=FOLDER
	$(labelled)
	$(BIN)/python -m benchmarks.train_sentiment $(LABELLED)

lock:  ## renew requirements.lock; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --extra all --extra traces --extra train --group dev --output-file requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --extra agents --extra kibana --extra pipeline --extra traces --constraint requirements.lock \
	  --output-file deploy/requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --group build --constraint requirements.lock --output-file deploy/build.lock

clean:  ## remove what was built; keeps the demo's data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
