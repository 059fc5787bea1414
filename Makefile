# make serve   install, ingest the sample course if nothing is there, open the chat
# make setup   install, and llama.cpp where it can be had
# make llm     llama.cpp and a language model that suits the machine, so that answers are written
# make ocr     install OCR for scanned pages
# make test    everything: checks, unit tests, real models, browser
# make cover   the same tests, and which lines no test runs; up to 1.7 times the processor time
# make check   ruff, mypy, fast tests and which branches they miss; tells what make audit says
# make fast    tests without a process, a server or a model
# make audit   whether weaknesses of the installed libraries are known; needs the network
# make kept    the figures of every room beside those that were kept

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV := $(shell command -v uv)
# Modules are compiled when they are first imported, and most never are.
INSTALL := $(if $(UV),"$(UV)" pip install -q --python $(BIN)/python,$(PIP) install -q --no-compile)
# The option for an index, or nothing where it does not answer: pip would ask it for every package.
answering = $(shell $(PIP) index versions $(1) --retries 0 --timeout 10 --index-url $(lastword $(2)) >/dev/null 2>&1 && echo "$(2)")
STAMPS := $(VENV)/.stamps
# Processes that run tests side by side. Browsers and servers are waited for: on two processors all
# tests took 10 min 24 s with two and 9 min 26 s with three, the fast ones 21 and 24 s.
WORKERS ?= 3
FAST_WORKERS ?= 2
# Folders of fast tests lie in memory, where there is room: they waited for the disk for an eighth of
# their time. The others unpack bombs and have models and indexes.
MEMORY := $(shell [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm 2>/dev/null | awk 'END {print $$4 + 0}')" -gt 1000000 ] && echo /dev/shm)
TESTS = $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder
COMMA := ,
LINUX := $(filter Linux,$(shell uname -s))
# PyTorch's own index has builds without CUDA; elsewhere the plain package has none anyway.
TORCH_INDEX ?= $(if $(LINUX),--extra-index-url https://download.pytorch.org/whl/cpu)
# llama.cpp's Python package as ready wheels; the package index itself has only its source.
LLAMA_INDEX ?= --extra-index-url https://abetlen.github.io/llama-cpp-python/whl/cpu
CXX_FOUND := $(shell command -v c++ || command -v g++ || command -v clang++)
# Where Python keeps nothing compiled, finding the tests takes 18 instead of 10 s of the processor.
unexport PYTHONDONTWRITEBYTECODE
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export UV_CONSTRAINT := $(PIP_CONSTRAINT)

.PHONY: setup serve local llm ocr test cover check fast kept audit clean

setup: $(STAMPS)/core
ifneq ($(CXX_FOUND),)
	@$(MAKE) --no-print-directory local || echo "llama.cpp could not be installed; everything else works. The messages above say why; make local tries again."
else
	@echo "No C++ compiler was found, so local language models stay out; everything else works."
	@echo "To add them: install one (Debian, Ubuntu: apt install g++; macOS: xcode-select --install), then make local."
endif

serve: $(STAMPS)/core
	@$(BIN)/seminar-rag serve $(ARGS)

local: $(STAMPS)/local

llm: $(STAMPS)/core
	@echo "This gets llama.cpp (ready-made where its index can be reached, else built in about five"
	@echo "minutes) and then a language model:"
	@$(BIN)/seminar-rag models get --dry-run
	@$(MAKE) --no-print-directory local
	@$(BIN)/seminar-rag models get $(ARGS)
	@echo "make serve lets it write the answers."

ocr: $(STAMPS)/ocr

test: $(STAMPS)/dev $(STAMPS)/local
	@$(BIN)/python tests/chromium.py
	$(MAKE) --no-print-directory lint
	$(TESTS)

cover: $(STAMPS)/dev $(STAMPS)/local
	@$(BIN)/python tests/chromium.py
	$(TESTS) --cov --cov-report=term

check: COVERAGE = --cov --cov-report=term
check: $(STAMPS)/dev lint fast
	@$(MAKE) --no-print-directory audit || echo "make audit did not pass: a weakness is named above, or PyPI could not be asked."

.PHONY: lint
lint: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast: $(STAMPS)/dev
	@# A shell ends at a signal without what it does at its exit, unless the signal makes it exit.
	@folder=$$(mktemp -d $(MEMORY:%=-p %)) && trap 'rm -rf "$$folder"' EXIT && \
	trap 'exit 130' INT && trap 'exit 143' TERM && trap 'exit 129' HUP && \
	TMPDIR="$$folder" $(BIN)/python -m pytest -q -n $(FAST_WORKERS) -m "not slow and not model and not browser" --basetemp "$$folder/tests" $(COVERAGE)

kept: $(STAMPS)/dev
	@$(BIN)/python benchmarks/kept.py $(ARGS)

audit: $(STAMPS)/dev
	@$(PIP) install -q pip-audit
	@# Strict: a package that could not be asked about is no package without a weakness. PyPI knows
	@# torch without the build that is named after the plus.
	@$(PIP) freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' > $(STAMPS)/installed.txt
	$(BIN)/python -m pip_audit -r $(STAMPS)/installed.txt --no-deps --disable-pip --strict --progress-spinner off

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .coverage

$(STAMPS)/venv:
ifneq ($(UV),)
	@"$(UV)" venv -q --clear --seed --python "$(if $(filter file,$(origin PYTHON)),>=3.11$(COMMA)<3.14,$(PYTHON))" $(VENV)
else
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
endif
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/core: $(STAMPS)/venv pyproject.toml constraints.txt
	@echo "Installing seminar_rag into $(VENV) (about 2 GB, a few minutes the first time) …"
ifneq ($(UV),)
	@UV_HTTP_RETRIES=0 $(INSTALL) $(TORCH_INDEX) --index-strategy unsafe-best-match torch || \
	  echo "PyTorch's own index does not answer, so that torch comes from the usual one."
else
	@$(INSTALL) --retries 0 --timeout 15 $(call answering,torch,$(TORCH_INDEX)) torch
endif
	@$(INSTALL) -e .
	@mkdir -m 700 -p .seminar  # a checkout has a course of its own
	@touch $@

$(STAMPS)/local: $(STAMPS)/core
	@echo "Installing llama.cpp; where no ready-made package can be reached, it is built (about five minutes) …"
	@# Without AMX: older GCC compiles llama.cpp's kernels for it so that they crash.
	@CFLAGS="$$CFLAGS -U__AMX_INT8__" CXXFLAGS="$$CXXFLAGS -U__AMX_INT8__" \
		$(PIP) install -q --retries 0 --timeout 10 --prefer-binary $(call answering,llama-cpp-python,$(LLAMA_INDEX)) -e '.[local]'
	@$(BIN)/python -c "import llama_cpp" 2>/dev/null || { \
		echo "The ready-made package does not run here, so llama.cpp is built …"; \
		CFLAGS="$$CFLAGS -U__AMX_INT8__" CXXFLAGS="$$CXXFLAGS -U__AMX_INT8__" \
		$(PIP) install -q --force-reinstall --no-deps --no-binary llama-cpp-python llama-cpp-python; }
	@touch $@

$(STAMPS)/ocr: $(STAMPS)/core
	@echo "Installing RapidOCR, which reads scanned pages (100 MB) …"
	@$(INSTALL) -e '.[ocr]'
	@touch $@

$(STAMPS)/dev: $(STAMPS)/core
	@echo "Installing what the tests need …"
	@$(INSTALL) -e '.[dev]'
	@touch $@
