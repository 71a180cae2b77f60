# A thin wrapper. What is built is said in CMakePresets.json, what is installed for it in
# scripts/packages.sh, what is checked in tests/. `make help` lists the targets; CTEST_ARGS go to
# ctest, as in `make asan CTEST_ARGS="-LE slow"`.

PREFIX ?= /usr/local
JOBS   ?= $(shell nproc)

build = cmake --preset $(1) --log-level=NOTICE && cmake --build --preset $(1) -j $(JOBS)
test  = ctest --preset $(1) -j $(JOBS) $(CTEST_ARGS)

.PHONY: help release test debug asan tsan coverage check format demo bench docs install \
	crash-sweep fuzz clean

help:            ## this list
	@sed -n 's/^\([a-z -]*\): .*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

release:         ## build libraries, tests and benches into build/release
	@scripts/packages.sh build test
	$(call build,release)

test: release    ## build and run every test
	$(call test,release)

debug asan tsan: ## the tests in another preset: slow assertions, sanitizers
	@scripts/packages.sh build test
	$(call build,$@)
	$(call test,$@)

coverage:        ## the tests, instrumented, and what they reached
	@scripts/packages.sh build test coverage
	$(call build,$@)
	find build/coverage -name '*.gcda' -delete
	$(call test,$@)
	scripts/coverage.sh build/coverage

check: release   ## the checks of the code itself
	$(call test,release) -L tidy

format:          ## let clang-format rewrite the C files
	@scripts/packages.sh test
	tests/tidy/format.sh . --fix

demo: release    ## a package index, a killed writer, and what is left of it
	scripts/demo.sh build/release

bench:           ## run every bench, then the store beside its peers
	@scripts/packages.sh build test bench
	$(call build,release)
	@for bench in build/release/bin/bench_*; do \
		if [ -x $$bench ]; then echo "== $${bench##*/}"; $$bench || exit 1; fi; \
	done
	build/release/bin/flybench kv --compare all --repeat 5 $(BENCH_ARGS)

docs:            ## the reference of all public headers, into build/docs/html
	@scripts/packages.sh docs
	mkdir -p build/docs
	doxygen docs/Doxyfile

install: release ## install below DESTDIR and PREFIX
	DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(abspath $(PREFIX))

crash-sweep: release ## the long campaign of power cuts
	tests/campaigns/crash-sweep.sh build/release

fuzz:            ## run every fuzz target for FUZZ_SECONDS
	@scripts/packages.sh build test
	$(call build,fuzz)
	tests/campaigns/fuzz.sh build/fuzz

clean:           ## remove everything that was built
	rm -rf build
