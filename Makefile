# Two commands do everything: `make run` and `make test`. Both install what is missing and say what.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test soak check fmt bench screens audit setup

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## the demo company on a private PostgreSQL, and the app on it; without a display the same story as text
	@scripts/setup.sh run
	@scripts/run.sh

test: ## everything CI runs, from formatting to the built app in its real webview
	@scripts/setup.sh test
	@scripts/test.sh

soak: ## go on looking for what CI has no time for; SECONDS=36000 says how long
	@scripts/setup.sh test
	@scripts/soak.sh $(or $(SECONDS),3600)

check: ## the quick part of it: formatting, lints, rules, front-end types
	@scripts/check.sh

fmt: ## format the Rust sources
	@cargo fmt --all

bench: ## measure, each figure beside its floor in the same run
	@scripts/setup.sh bench
	@scripts/bench.sh

screens: ## pictures of every screen, in ui/test-results
	@scripts/setup.sh test
	@scripts/screens.sh

audit: ## licenses, advisories and banned crates among the dependencies
	@scripts/audit.sh

setup: ## only install what is missing
	@scripts/setup.sh test
