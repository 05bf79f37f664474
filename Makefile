# Everything here works on a machine with Python >= 3.11, make and a C++20 compiler; the rest comes
# from PyPI into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
RUN := $(BIN)/python
TYPE ?= Release
# NATIVE=1 is for development: a fifth of the compile time, for this machine only, slower to run.
# NATIVE=fast is for measuring: this machine only, optimised as a release.
NATIVE ?=
BUILD := build/$(shell echo $(TYPE) | tr A-Z a-z)$(if $(NATIVE),-native$(filter fast,$(NATIVE)))
CMAKE = PATH="$(BIN):$$PATH" $(BIN)/cmake
CONFIGURE = $(CMAKE) -S . -G Ninja --log-level=WARNING -DPython_EXECUTABLE=$(RUN)
PIP = $(RUN) -m pip --disable-pip-version-check install --quiet

.PHONY: help build demo test test-tiny test-full bench lint format docs sanitize wheel clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# ---- environment and build ----------------------------------------------------------------------

# requirements.py prints what pyproject.toml lists, so that each requirement is written once.
$(VENV)/.ready: pyproject.toml tools/requirements.py
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) tools/requirements.py build run > $(VENV)/requirements.txt
	$(PIP) -r $(VENV)/requirements.txt
	$(RUN) -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $(VENV)/site
	echo $(CURDIR)/src > "$$(cat $(VENV)/site)/wengert_in_tree.pth"
	touch $@

$(VENV)/.%-ready: $(VENV)/.ready
	$(RUN) tools/requirements.py $* > $(VENV)/requirements.txt
	$(PIP) -r $(VENV)/requirements.txt
	touch $@

$(BUILD)/build.ninja: $(VENV)/.ready
	$(CONFIGURE) -B $(BUILD) -DCMAKE_BUILD_TYPE=$(TYPE) -DWENGERT_IN_TREE=ON \
	  -DWENGERT_NATIVE=$(or $(filter fast,$(NATIVE)),$(if $(NATIVE),ON,OFF))

build: $(BUILD)/build.ninja ## compile the core into src/wengert; TYPE=RelWithDebInfo or Debug; NATIVE=1
	@$(CMAKE) --build $(BUILD)

wheel: build ## build dist/*.whl, check its size, try it in an empty environment
	$(PIP) build
	rm -rf dist build/wheel-venv
	PATH="$(BIN):$$PATH" $(RUN) -m build --wheel --no-isolation -Cbuild-dir=$(BUILD) \
	  -Ccmake.define.WENGERT_IN_TREE=ON
	$(RUN) tools/check_wheel.py dist/wengert-*.whl
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/python -m pip --disable-pip-version-check install --quiet dist/wengert-*.whl
	cd build && wheel-venv/bin/python -I -c "import wengert as w; x = w.ones(3, requires_grad=True); \
	  (x @ x).backward(); assert x.grad.tolist() == [2.0] * 3, x.grad; print('the wheel works')"

# ---- running things -----------------------------------------------------------------------------

demo: build $(VENV)/.demo-ready ## train a network on handwritten digits, show the result
	$(RUN) examples/digits.py

test: build $(VENV)/.test-ready ## all tests but the slow ones and the fuzzers
	$(RUN) -m pytest -q -m "not slow and not fuzz" tests

test-tiny: build $(VENV)/.test-ready ## the tests that take two seconds
	$(RUN) -m pytest -q tests/tiny

test-full: build $(VENV)/.test-ready ## all tests, those in C++ too
	$(CONFIGURE) -B $(BUILD) -DWENGERT_CPP_TESTS=ON
	$(CMAKE) --build $(BUILD)
	WENGERT_CPP_TESTS=$(CURDIR)/$(BUILD) $(RUN) -m pytest -q tests

bench: build ## compare with PyTorch and JAX, in an environment of its own
	test -x .bench-venv/bin/python || $(PYTHON) -m venv .bench-venv
	$(RUN) tools/requirements.py run numpy > .bench-venv/requirements.txt
	.bench-venv/bin/python -m pip --disable-pip-version-check install --quiet \
	  -r .bench-venv/requirements.txt torch==2.13.0 jax
	PYTHONPATH=src .bench-venv/bin/python -m benchmarks

lint: build $(VENV)/.lint-ready ## style of C++ and Python, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find csrc -name '*.h' -o -name '*.cpp' | xargs $(BIN)/clang-format --dry-run -Werror
	$(BIN)/mypy

format: $(VENV)/.lint-ready ## rewrite the sources in the project's style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .
	find csrc -name '*.h' -o -name '*.cpp' | xargs $(BIN)/clang-format -i

docs: build ## write docs/reference from the operator table
	PYTHONPATH=tools $(RUN) -m opgen docs --ops ops --out docs/reference

# The sanitizers' runtime has to be loaded before Python, and the library that throws with it. Leaks are not looked for: CPython keeps
# much alive on purpose, and the tests count our own objects.
SANITIZED := $(CURDIR)/build/sanitize/package
sanitize: $(VENV)/.test-ready ## fuzz the core under AddressSanitizer and UBSan
	$(CONFIGURE) -B build/sanitize -DWENGERT_IN_TREE=OFF -DWENGERT_SANITIZE=address,undefined \
	  -DWENGERT_WERROR=OFF -DWENGERT_CPP_TESTS=ON -DWENGERT_NATIVE=ON
	$(CMAKE) --build build/sanitize
	rm -rf $(SANITIZED) && mkdir -p $(SANITIZED)
	cp -r src/wengert $(SANITIZED)/ && rm -f $(SANITIZED)/wengert/_C.*.so
	$(CMAKE) --install build/sanitize --prefix $(SANITIZED) > /dev/null
	PYTHONPATH=$(SANITIZED) PYTHONMALLOC=malloc WENGERT_CPP_TESTS=$(CURDIR)/build/sanitize \
	  LD_PRELOAD="$$($${CXX:-c++} -print-file-name=libasan.so) \
	              $$($${CXX:-c++} -print-file-name=libstdc++.so.6)" \
	  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	  $(RUN) -m pytest -q -p no:cacheprovider -o pythonpath=". tools" \
	  tests/tiny tests/fuzz tests/cpp

clean: ## remove everything that was built; environments stay
	rm -rf build dist examples/out src/wengert/_C.*.so src/wengert/_C.pyi
	find . -name __pycache__ -not -path './.*' -prune -exec rm -rf {} +
