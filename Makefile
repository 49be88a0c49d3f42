# Needs python3 (3.11 or newer) and make; the tests need PostgreSQL's programs, Chromium
# and curl besides, which system-setup installs. What is more than a line is in tools/.
#   PYTHON=/path/to/python3   takes another interpreter
#   ARGS="..."                is handed to the command at the end of serve, test, lock, bench

PY := $(or $(PYTHON),$(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p && break; done),python3)
ifneq ($(PYTHON),)
export GRANTORY_PYTHON_CHOSEN := 1
endif

# Hundreds of servers are started by the tests: none of them is to compile the code anew.
unexport PYTHONDONTWRITEBYTECODE

BOOTSTRAP := @$(PY) -m tools.bootstrap
BIN := .venv/bin
MEASURE = $(if $(QUICK),--quick) $(if $(PUBLISH),--publish)

.DEFAULT_GOAL := help
.PHONY: help setup serve dev-setup system-setup compat-setup test test-fast compat-terraform \
	compat-toolchains check format sdk commands schema lock bench-setup bench bench-capacity \
	bench-scale soak wheel clean

help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with the locked packages; afterwards .venv/bin/grantory is the command
	$(BOOTSTRAP) runtime

serve: setup ## start the server on the embedded store (ARGS="--port 9090")
	@exec $(BIN)/grantory serve $(ARGS)

dev-setup: ## setup, and what tests and checks need
	$(BOOTSTRAP) dev

system-setup: ## install PostgreSQL, Chromium and curl from Debian's packages, or say what to install
	$(BOOTSTRAP) system

compat-setup: ## install the official SDKs that tests/compat drives, and pyright
	$(BOOTSTRAP) compat

test: dev-setup system-setup compat-setup ## run every test (ARGS="-k token")
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: dev-setup system-setup ## run the tests without the official SDKs and the slow ones
	@$(BIN)/python -m pytest --ignore=tests/compat -m "not slow and not compat" $(ARGS)

compat-toolchains: dev-setup ## run the official Java SDK, which make test leaves out
	$(BOOTSTRAP) toolchains
	@$(BIN)/python -m pytest tests/compat/toolchains $(ARGS)

compat-terraform: dev-setup system-setup ## run the vendor's Terraform provider, which make test leaves out
	$(BOOTSTRAP) terraform
	@$(BIN)/python -m pytest tests/compat/terraform $(ARGS)

check: dev-setup ## formatting, lint, types and layers
	@$(BIN)/ruff format --check --quiet || { echo "make format puts this right"; exit 1; }
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: dev-setup ## put formatting and imports right
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

sdk: dev-setup ## derive the blocking half of the SDK and its reference, after it was changed
	@$(BIN)/python -m tools.derive_sdk
	@$(BIN)/python -m tools.sdk_reference

commands: dev-setup ## write the reference of commands anew, after one was changed
	@$(BIN)/python -m tools.command_reference

schema: dev-setup ## write the SQL of an empty store anew, after a revision was added
	@$(BIN)/python -m tools.newest_schema

lock: ## resolve the lock files anew (ARGS=--upgrade)
	$(BOOTSTRAP) lock $(ARGS)

bench-setup: dev-setup ## install the load generator, and the servers that the benchmarks compare with
	$(BOOTSTRAP) bench

bench: dev-setup ## measure speed (QUICK=1: under three minutes, with what is installed; PUBLISH=1: into docs/)
	$(BOOTSTRAP) bench $(if $(QUICK),quick)
	@$(BIN)/python -m benchmarks $(MEASURE) $(ARGS)

bench-capacity: dev-setup ## measure workers, nodes, connections and the like (QUICK=1, PUBLISH=1)
	$(BOOTSTRAP) bench quick
	@$(BIN)/python -m benchmarks capacity $(MEASURE) $(ARGS)

bench-scale: dev-setup ## measure what a million clients cost (QUICK=1: 20,000, PUBLISH=1, ARGS=--fill)
	$(BOOTSTRAP) bench quick
	@$(BIN)/python -m benchmarks scale $(MEASURE) $(ARGS)

soak: dev-setup ## the long tests and the overload run, for hours; reports in soak-report/
	$(BOOTSTRAP) system soak
	@$(BIN)/python -m tools.soak $(ARGS)

wheel: setup ## build dist/*.whl
	@$(BIN)/hatchling build -t wheel
	@cd sdk && ../$(BIN)/hatchling build -t wheel -d ../dist

clean: ## remove all that make made
	rm -rf .venv .compat .locker .bench dist build soak-report .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find src sdk tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
