# `make` alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?= python3
TOOLS := $(CURDIR)/.tools
VENV := $(TOOLS)/venv
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# Extra flags for every cargo build, e.g. --locked.
CARGO_FLAGS ?=

NEXTEST_VERSION := 0.9.151
DENY_VERSION := 0.20.2

# Installed tools come first, so that everyone runs the same versions.
export PATH := $(TOOLS)/bin:$(VENV)/bin:$(PATH)
export EVENTIDE_TOOLS := $(TOOLS)

REQUIREMENTS := infra/tools/requirements.txt
# Named after what is installed: another list of tools is another stamp.
VENV_STAMP := $(VENV)/.installed-$(shell cksum < $(REQUIREMENTS) | cut -d' ' -f1)

WIDGET := infra/widget
WIDGET_STAMP := $(WIDGET)/node_modules/.package-lock.json

# What the local cloud deploys, in this order.
LOCAL_SYSTEMS := finding-enrichment finding-enrichment-automation-rule data-marts compliance-screening voice-to-chat

##@ Every day

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z][a-z-]*:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: browser build ## Show findings going in and enriched findings coming out, on the local cloud
	$(TARGET_DIR)/debug/demo

.PHONY: test
test: browser build nextest widget-test ## Run every test, end to end included
	cargo nextest run --workspace --all-features $(CARGO_FLAGS)
	cargo test --doc --workspace --all-features $(CARGO_FLAGS)

.PHONY: lint
lint: tools ## Check formatting, clippy, rustdoc, dependencies and templates
	cargo fmt --all --check
	cargo clippy --workspace --all-features --all-targets $(CARGO_FLAGS) -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --all-features --no-deps $(CARGO_FLAGS)
	infra/scripts/check-dependencies
	cfn-lint infra/*.yaml

.PHONY: up
up: build ## Start the local cloud on 127.0.0.1:4566 with everything deployed
	$(TARGET_DIR)/debug/eventide-local up --detach --code $(TARGET_DIR)/debug $(addprefix --deploy ,$(LOCAL_SYSTEMS))

.PHONY: down
down: ## Stop the local cloud
	@if [ -x $(TARGET_DIR)/debug/eventide-local ]; then $(TARGET_DIR)/debug/eventide-local down; \
	else echo "nothing to stop: the local cloud has not been built"; fi

.PHONY: invoke
invoke: invoke-arguments venv ## Invoke a function in the local cloud: FN=finding-investigate EVENT=events/...
	@infra/scripts/invoke "$(FN)" "$(EVENT)"

##@ Building

.PHONY: build
build: venv widget ## Build the functions, the chat page and the local cloud for this machine
	cargo build --workspace --all-features --bins $(CARGO_FLAGS)

.PHONY: widget
widget: $(WIDGET_STAMP) ## Put the chat page together in infra/widget/dist, and upload it: [BRAND=<folder>] [BUCKET=...]
	node $(WIDGET)/build.js $(if $(BRAND),"$(BRAND)")
	$(if $(BUCKET),infra/scripts/upload-widget "$(BUCKET)")

.PHONY: tools
tools: venv nextest deny ## Install pinned tools into .tools

.PHONY: bench
bench: build ## Measure start-up, time per event, deliveries, memory and size beside a hello-world
	cargo build --release $(CARGO_FLAGS) -p hello $(addprefix -p ,$(FUNCTIONS))
	$(TARGET_DIR)/debug/bench
	$(TARGET_DIR)/debug/bench_marts
	$(TARGET_DIR)/debug/bench_campaigns
	$(TARGET_DIR)/debug/bench_chats

.PHONY: clean
clean: ## Remove what was built; .tools stays
	cargo clean

##@ AWS

# The instruction set to build for and to deploy. This machine's, unless ARCH=arm64 or ARCH=x86_64 is given.
ARCH ?= $(patsubst aarch64,arm64,$(shell uname -m))
TRIPLE := $(patsubst arm64,aarch64,$(ARCH))-unknown-linux-gnu
FUNCTIONS := $(notdir $(patsubst %/,%,$(dir $(wildcard functions/*/Cargo.toml))))

# cargo-lambda links against the C library of Amazon Linux 2023, which may be older than this machine's.
# Its own optimisation flags are off, because they would set panic = "abort": [profile.release] decides.
.PHONY: package
package: venv ## Build the functions for Lambda and zip them: ARCH=arm64|x86_64
	@infra/scripts/check-target $(TRIPLE)
	cargo lambda build --release --disable-optimizations --target $(TRIPLE) $(CARGO_FLAGS) \
	  $(addprefix --package ,$(FUNCTIONS))
	@for fn in $(FUNCTIONS); do \
	  python -m zipfile -c $(TARGET_DIR)/lambda/$$fn.zip $(TARGET_DIR)/lambda/$$fn/bootstrap && \
	  printf '%-24s %-7s %9d bytes, %9d zipped\n' $$fn $(ARCH) \
	    $$(wc -c < $(TARGET_DIR)/lambda/$$fn/bootstrap) $$(wc -c < $(TARGET_DIR)/lambda/$$fn.zip) || exit 1; \
	done

SYSTEMS := $(basename $(notdir $(wildcard infra/*.yaml)))
TEMPLATE = infra/$(SYSTEM).yaml
PACKAGED = $(TARGET_DIR)/$(SYSTEM).packaged.yaml
# Templates with functions say what they are built for.
HAS_FUNCTIONS = $(shell grep -s '^  Architecture:' $(TEMPLATE))
OVERRIDES = $(TARGET_DIR)/$(SYSTEM).overrides.json

.PHONY: deploy
deploy: deploy-arguments venv ## Deploy to AWS: SYSTEM=finding-enrichment BUCKET=... [ARCH=...] [PARAMETERS="Key=Value ..."]
	$(if $(HAS_FUNCTIONS),@$(MAKE) --no-print-directory package)
	@mkdir -p $(TARGET_DIR)
	infra/scripts/overrides $(SYSTEM) $(if $(HAS_FUNCTIONS),Architecture=$(ARCH)) $(PARAMETERS) > $(OVERRIDES)
	aws cloudformation package --template-file $(TEMPLATE) --s3-bucket $(BUCKET) --s3-prefix eventide/$(SYSTEM) \
	  --output-template-file $(PACKAGED)
	aws cloudformation deploy --template-file $(PACKAGED) --stack-name eventide-$(SYSTEM) \
	  --s3-bucket $(BUCKET) --s3-prefix eventide/$(SYSTEM) \
	  --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
	  --parameter-overrides file://$(OVERRIDES)

.PHONY: train
train: train-arguments venv ## Train the classifier in AWS: DATASET=... NAME=... VERSION=... BUCKET=... ROLE=... [TEST=... ENDPOINT=yes]
	cargo run --quiet -p eventide-train $(CARGO_FLAGS) -- train "$(DATASET)" --name "$(NAME)" --version "$(VERSION)" \
	  --bucket "$(BUCKET)" --role "$(ROLE)" $(if $(TEST),--test "$(TEST)") $(if $(MODE),--mode $(MODE)) \
	  $(if $(filter yes,$(ENDPOINT)),--endpoint $(if $(UNITS),--units $(UNITS))) $(if $(CONFIG),--config "$(CONFIG)")

.PHONY: keys
keys: keys-arguments venv ## Make, switch or retire signing keys of voice-to-chat: SLOT=a|b [ALGORITHM=rsa], CURRENT=a|b or EMPTY=a|b
	@infra/scripts/keys $(if $(SLOT),--slot "$(SLOT)") $(if $(CURRENT),--current "$(CURRENT)") \
	  $(if $(EMPTY),--empty "$(EMPTY)") $(if $(ALGORITHM),--algorithm "$(ALGORITHM)")

# Steps of the targets above. Arguments are looked at first, before anything is installed or built.

.PHONY: invoke-arguments
invoke-arguments:
	@[ -n "$(FN)" ] && [ -n "$(EVENT)" ] || \
	  { echo "usage: make invoke FN=finding-investigate EVENT=events/finding-investigate/<name>.json" >&2; exit 1; }

.PHONY: deploy-arguments
deploy-arguments:
	@[ -n "$(SYSTEM)" ] && [ -n "$(BUCKET)" ] || \
	  { echo "usage: make deploy SYSTEM=finding-enrichment BUCKET=<for the code> [PARAMETERS=\"Key=Value ...\"]" >&2; exit 1; }
	@[ -r $(TEMPLATE) ] || { echo "deploy: no template \`$(TEMPLATE)\`, expected one of: $(SYSTEMS)" >&2; exit 1; }

.PHONY: train-arguments
train-arguments:
	@[ -n "$(DATASET)" ] && [ -n "$(NAME)" ] && [ -n "$(VERSION)" ] && [ -n "$(BUCKET)" ] && [ -n "$(ROLE)" ] || \
	  { echo "usage: make train DATASET=<file.csv> NAME=<classifier> VERSION=<version> BUCKET=<bucket> ROLE=<ARN>" \
	  "[TEST=<file.csv>] [MODE=multi-label] [ENDPOINT=yes UNITS=<1 to 10>] [CONFIG=<file.json>]" >&2; exit 1; }

.PHONY: keys-arguments
keys-arguments:
	@[ -n "$(SLOT)$(CURRENT)$(EMPTY)" ] || \
	  { echo "usage: make keys SLOT=a|b [ALGORITHM=ecdsa|rsa], make keys CURRENT=a|b, or make keys EMPTY=a|b" >&2; exit 1; }

.PHONY: prerequisites
prerequisites:
	@infra/scripts/check-prerequisites $(PYTHON)

# What the chat page is looked at with. Chromium itself is ChromeDriver's to find.
.PHONY: browser
browser:
	@command -v "$${CHROMEDRIVER:-chromedriver}" > /dev/null || \
	  { echo "missing: ChromeDriver, and Chromium or Chrome of the same version. Install them, on Debian the packages" \
	  "chromium and chromium-driver, or name another one with CHROMEDRIVER=... and CHROME=..." >&2; exit 1; }

.PHONY: venv
venv: $(VENV_STAMP)

$(VENV_STAMP): | prerequisites
	@[ -x $(VENV)/bin/python ] || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(REQUIREMENTS)
	@touch $@

# npm writes this file last.
$(WIDGET_STAMP): $(WIDGET)/package-lock.json $(WIDGET)/package.json | prerequisites
	cd $(WIDGET) && npm ci --ignore-scripts --loglevel=error
	@touch $@

.PHONY: widget-test
widget-test: widget
	cd $(WIDGET) && npm test

# Quick to build, and fast enough: their own release profiles optimise across crates, for minutes.
CARGO_INSTALL = CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
  CARGO_PROFILE_RELEASE_DEBUG=0 cargo install --quiet --locked --root $(TOOLS) --target-dir $(TOOLS)/build

.PHONY: nextest
nextest: | prerequisites
	@cargo nextest --version > /dev/null 2>&1 || $(MAKE) --no-print-directory $(TOOLS)/bin/cargo-nextest

$(TOOLS)/bin/cargo-nextest:
	$(CARGO_INSTALL) cargo-nextest --version $(NEXTEST_VERSION)
	@rm -rf $(TOOLS)/build

.PHONY: deny
deny: $(TOOLS)/bin/.cargo-deny-$(DENY_VERSION)

$(TOOLS)/bin/.cargo-deny-$(DENY_VERSION): | prerequisites
	$(CARGO_INSTALL) cargo-deny --version $(DENY_VERSION)
	@rm -rf $(TOOLS)/build
	@touch $@
