# What a person and a machine type. On a fresh Debian system with Rust: `make demo`, `make test`.

CARGO ?= cargo
HOST := $(shell rustc --print host-tuple 2>/dev/null)

# Network namespaces, TUN devices and raw sockets need root. Everything is built as the user who
# calls make; only the programs that need it are started through sudo.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env)
THROUGH_SUDO := --config 'target."cfg(all())".runner = ["sudo", "--preserve-env"]'
RUNNER := $(if $(AS_ROOT),$(THROUGH_SUDO))

# Their tests make namespaces and devices: as root, one test at a time.
ROOT_PACKAGES := kedge-net kedge-dp-user kedge-lab

# Coverage guidance for libFuzzer with the stable compiler. Overflow checks stay on.
COVERAGE := --cfg fuzzing -C passes=sancov-module -C debug-assertions \
	-C llvm-args=-sanitizer-coverage-level=4 \
	-C llvm-args=-sanitizer-coverage-inline-8bit-counters \
	-C llvm-args=-sanitizer-coverage-pc-table
FUZZ_SECONDS ?= 15

.DELETE_ON_ERROR:
.PHONY: demo test test-vm check sim bench fuzz setup clean
.NOTPARALLEL:

demo: setup
	$(CARGO) build --release --locked --workspace --bins
	$(AS_ROOT) target/release/kedge-demo

# Everything: what `check` looks at, every decoder fuzzed for a while, and the tests that need
# root, a kernel and other people's programs.
test: setup check fuzz
	$(CARGO) build --locked --workspace --bins
	@set -e; for package in $(ROOT_PACKAGES); do \
		echo "$(CARGO) test --package $$package (as root, one at a time)"; \
		$(CARGO) test --locked $(RUNNER) --package $$package -- --test-threads=1; \
	done
	$(MAKE) test-vm

# Every encapsulation against the tunnel devices of Debian's kernel, and kedged in its VRF devices,
# in an emulated machine. The kernel is downloaded once, into target/vm. Neither root nor hardware
# virtualisation is needed.
test-vm: setup
	$(CARGO) build --locked --package kedge-daemon --package kedge-cli
	$(CARGO) test --locked --package kedge-vm

# What needs neither root nor the packages of `setup`.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) xtask layers
	$(CARGO) xtask docs --check
	$(CARGO) test --locked --workspace --exclude kedge-vm $(ROOT_PACKAGES:%=--exclude %)

# A longer hunt with fresh seeds than `check` has. A failure prints its seed; put it into
# testing/sim/tests/domains.rs with the fix.
SIM_STEPS ?= 10000000
sim:
	KEDGE_SIM_STEPS=$(SIM_STEPS) $(CARGO) test --locked --package kedge-sim

bench: setup
	$(CARGO) build --release --locked --workspace --bins
	$(AS_ROOT) target/release/kedge-bench
	$(CARGO) run --release --locked --package kedge-lma --example scale

# Each target starts from its committed corpus; what it finds goes below target/fuzz.
fuzz:
	RUSTFLAGS='$(COVERAGE)' $(CARGO) build --release --locked --manifest-path fuzz/Cargo.toml \
		--target $(HOST) --target-dir target/fuzz
	@set -e; for source in fuzz/fuzz_targets/*.rs; do \
		name=$$(basename "$$source" .rs); \
		work=target/fuzz/found/$$name; mkdir -p "$$work/corpus"; \
		seeds=; [ ! -d "fuzz/corpus/$$name" ] || seeds=fuzz/corpus/$$name; \
		target/fuzz/$(HOST)/release/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=5 \
			-print_final_stats=1 -artifact_prefix="$$work/" "$$work/corpus" $$seeds \
			> "$$work/log" 2>&1 || { tail -n 50 "$$work/log"; exit 1; }; \
		echo "fuzz: $$name: $$(awk '/number_of_executed_units/ { print $$2 }' "$$work/log") runs," \
			"no fault found"; \
	done

setup: target/setup.stamp

target/setup.stamp: packaging/setup.sh
	packaging/setup.sh
	@mkdir -p target && touch $@

clean:
	$(CARGO) clean
