# `make notebook` and `make test` set up everything they need; nothing has to be installed by hand
# beyond Rust, Python 3 with pip, make and a C++ compiler. environment.md says what goes where.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
HERBARIUM := $(CARGO_TARGET_DIR)/release/herbarium
# For what runs beside something else: cargo would keep to make's two jobs on any number of cores.
ALL_CORES := env -u MAKEFLAGS -u MFLAGS
export PATH := $(BIN):$(PATH)
# The kernelspec goes into the virtual environment, and only there is it looked for.
export JUPYTER_PREFER_ENV_PATH := 1

# Notebooks run in their own folder: what is given relative to this one must not change its meaning.
ifdef HERBARIUM_DATA
export HERBARIUM_DATA := $(abspath $(HERBARIUM_DATA))
endif
ifdef HERBARIUM_WEIGHTS
export HERBARIUM_WEIGHTS := $(abspath $(HERBARIUM_WEIGHTS))
endif
ifdef HERBARIUM_PARITY
export HERBARIUM_PARITY := $(abspath $(HERBARIUM_PARITY))
endif

.PHONY: help setup venv libtorch wrapper rust-src kernel program install notebook lab test test-rust test-python pytest lint check-targets test-browser test-gateway test-hub test-container parity fuzz pretrain bench wheel test-wheel package doctor clean

help:
	@echo "make notebook   set up, then run notebooks/flowers.ipynb from top to bottom into out/"
	@echo "make lab        set up, then open JupyterLab on the notebook"
	@echo "make test       set up, then run every test"
	@echo "make test-browser   the notebook in JupyterLab in a real browser (Debian's Chromium; says how if it is not there)"
	@echo "make test-gateway   the notebook with JupyterLab here and its kernel behind a Jupyter Kernel Gateway"
	@echo "make test-container   build the Containerfile's image and run cells in it (without a container engine: its steps, as root)"
	@echo "make check-targets   cargo check for Macs, Linux on ARM and Windows (rustup target add; TARGETS=\"…\" for some of them)"
	@echo "make test-hub   one installation for many users, with JupyterHub and users of this system (root; environment.md)"
	@echo "make parity     the comparisons with PyTorch alone (HERBARIUM_PARITY=DIR for other fixtures)"
	@echo "make fuzz       a million damaged files for each reader (FUZZ=\"torch 5000\" for fewer, or one reader)"
	@echo "make pretrain   paint plants, train on them and write weights/ (docs/pretraining.md; NETWORKS=\"resnet18 …\")"
	@echo "make bench      measurements, one JSON line each"
	@echo "make wheel      the kernel for pip, in dist/: pip install dist/herbarium-*.whl && herbarium setup"
	@echo "make test-wheel   pip install of that wheel, with empty caches, up to the first cell, with the seconds of each step"
	@echo "make package    what a registry would get of each member of the workspace"
	@echo "make doctor     what is installed, and what is wrong with it"
	@echo "make clean      remove what was built in this folder (environment.md: the rest)"

setup: kernel

venv: $(VENV)/.ready
$(VENV)/.ready: tests/requirements.txt $(wildcard kernel/papermill/*)
	@echo "python: the virtual environment $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement tests/requirements.txt ./kernel/papermill
	@touch $@

# .cargo/config.toml tells every cargo below this folder where libtorch is.
libtorch: venv
	@libtorch=$$($(BIN)/python kernel/setup/libtorch.py) || exit 1; \
	mkdir -p .cargo; \
	printf '# Written by make: where libtorch is, for every cargo that runs in this folder.\n[env]\nLIBTORCH = "%s"\n' "$$libtorch" > .cargo/config.toml.new; \
	if cmp -s .cargo/config.toml.new .cargo/config.toml; then rm .cargo/config.toml.new; else mv .cargo/config.toml.new .cargo/config.toml; echo "libtorch: $$libtorch"; fi

# tch's C++ wrapper, in a target folder by itself (kernel/src/template/libtch.rs). It takes a minute, for which the kernel leaves
# a core idle at its end.
wrapper: libtorch
	nice $(ALL_CORES) cargo build --release --package torch-sys --target-dir $(CARGO_TARGET_DIR)/libtch

# Completions and tooltips come from the standard library's sources.
rust-src:
	@test -d "$$(rustc --print sysroot)/lib/rustlib/src/rust/library/core" || rustup component add rust-src || \
	{ echo "The Rust toolchain's component rust-src is needed: rustup component add rust-src"; exit 1; }

# Fetching libtorch waits for the network and compiling the kernel for the processor, and neither for the other.
kernel: rust-src
	@test -x $(HERBARIUM) || echo "set-up, once: libtorch is fetched while the kernel is compiled (350 crates, about 6 minutes on two cores); then the crate for cells (150 crates, 2 to 3 minutes)"
	@$(MAKE) --no-print-directory -j 2 wrapper program
	@$(MAKE) --no-print-directory install

# Also builds the helper crate once, so that no notebook has to.
install:
	$(ALL_CORES) $(HERBARIUM) install --prefix $(CURDIR)/$(VENV)

# Built always in release: rust-analyzer, which answers completions, is ten times slower otherwise.
program:
	$(ALL_CORES) cargo build --release --package herbarium-kernel

notebook: setup
	@mkdir -p out
	$(HERBARIUM) run notebooks/flowers.ipynb -o out/flowers.ipynb
	$(BIN)/jupyter nbconvert --log-level=ERROR --to html out/flowers.ipynb --output flowers.html
	@$(BIN)/python tests/notebook_summary.py out/flowers.ipynb out/flowers.html

lab: setup
	$(BIN)/jupyter lab notebooks/flowers.ipynb

# Two at a time: by itself each leaves a core idle for minutes. The tests in Python mostly wait for kernels.
test: rust-src
	@$(MAKE) --no-print-directory -j 2 wrapper program
	@$(MAKE) --no-print-directory -j 2 install lint
	@$(MAKE) --no-print-directory -j 2 test-rust pytest

# Formatting, the order of the layers (docs/architecture.md), clippy, also of the crates without any of their features, other
# systems where rustup has them, and deny.toml where cargo-deny is installed. Always with the whole workspace: the dependencies
# of a part of it would have other features, and be checked again.
lint:
	cargo fmt --all --check
	$(PYTHON) tests/layers.py
	$(ALL_CORES) cargo clippy --release --workspace --all-targets -- -D warnings
	$(ALL_CORES) cargo clippy --release --workspace --lib --no-default-features -- -D warnings -A clippy::drop_non_drop
	RUSTDOCFLAGS="-D warnings" $(ALL_CORES) cargo doc --release --no-deps --workspace --lib
	@bash tests/targets/check.sh --installed
	@if cargo deny --version > /dev/null 2>&1; then cargo deny check --hide-inclusion-graph bans licenses sources; \
	else echo "cargo-deny is not installed: licences and duplicates are not checked"; fi

# The kernel by itself: together with the crates the dependencies of both would have other features, and be compiled again.
test-rust: libtorch
	$(ALL_CORES) cargo test --release --workspace --exclude herbarium-kernel
	$(ALL_CORES) cargo test --release --package herbarium-kernel

test-python: setup
	@$(MAKE) --no-print-directory pytest

pytest:
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/test_*.py tests/kernel

test-browser: setup
	@bash tests/browser/chromium.sh
	$(BIN)/python -m pytest -q tests/browser

# Not for this system: nothing is linked, so neither libtorch nor a C compiler for the other system is needed.
check-targets:
	@bash tests/targets/check.sh

# The gateway has an environment of its own, as on another machine.
GATEWAY := $(CARGO_TARGET_DIR)/gateway
$(GATEWAY)/.ready: tests/gateway/requirements.txt
	$(PYTHON) -m venv $(GATEWAY)
	$(GATEWAY)/bin/python -m pip install --disable-pip-version-check --quiet --requirement $<
	@touch $@

test-gateway: setup $(GATEWAY)/.ready
	HERBARIUM_GATEWAY=$(GATEWAY)/bin/jupyter-kernelgateway $(BIN)/python -m pytest -q tests/gateway

test-container:
	$(PYTHON) tests/container/build.py

parity: libtorch
	cargo test --release --test '*parity*' -- --nocapture

# Makes users of this system, and removes them; what it installs is in /var/tmp/herbarium-hub.
test-hub: libtorch program
	@bash tests/hub/run.sh

# The limit on the address space catches what would be asked for and never touched.
fuzz: libtorch
	cargo bench --bench fuzz --no-run
	ulimit -v 16000000; cargo bench --quiet --bench fuzz -- $(FUZZ)

# What an interruption left is continued; out/pretraining holds it.
pretrain: libtorch
	cargo run --release --example pretrain -- $(NETWORKS)

bench: setup
	@cargo bench --quiet --bench throughput
	@cargo bench --quiet --bench loader
	@cargo bench --quiet --bench ranks
	@$(BIN)/python tests/bench/cells.py

# The kernel for other machines with this system and processor (kernel/wheel): dist/herbarium-*.whl.
wheel: wrapper program
	HERBARIUM_TARGET=$(CARGO_TARGET_DIR) $(BIN)/python -m pip wheel --disable-pip-version-check --quiet --no-deps --wheel-dir dist ./kernel/wheel
	@ls -l dist/herbarium-*.whl

# Installs that wheel as on another machine, with empty caches, and measures it (tests/bench/first_cell.py).
test-wheel: wheel
	$(BIN)/python tests/bench/first_cell.py

# What a registry would get of each member, built from that alone.
package: libtorch
	cargo package --workspace --allow-dirty

doctor:
	$(HERBARIUM) doctor

clean:
	rm -rf target out dist $(VENV) .cargo/config.toml notebooks/*.safetensors
