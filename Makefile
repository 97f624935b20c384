# make book     the website, built on this machine (the first time installs .venv)
# make site     the website and the PDF, which then each page offers
# make release  the same from nothing, without any cache, with the same bytes each time
# make test     the tests, on a freshly built website; with TeX, on the PDF too
# make pdf      the book as one PDF
# make alone    each notebook in an empty folder (five to ten minutes); make test then runs
#               those that changed since
# make check    all that must pass before a change lands
# make lighthouse  Lighthouse on every page, beside a default Jupyter Book (needs Node)
# make shots    every page in two browsers, both themes and three widths, to be looked at
# make builds   how long builds take, beside plain Jupyter Book's (an hour, quiet machine)
# make networks how long a step of a network takes, alone and with others (quiet machine)
# make experiments  what takes too long for a cell, trained again into the tables of the
#               package (up to half an hour)
# make measurements  what the predicting formulas are compared with (a minute)
# make mutants  small faults put into the code, and whether its tests see them (an hour)
# make live     the website in a browser, rebuilt at every save
# make chapter NAME=lion_in_a_box  a new chapter, from the template, in the contents
# make frameworks  optax, Keras, timm and pytorch_optimizer, for the tests that run them
#               (500 MB)
# make census   what the optimizers of many packages do with weight_decay, asked again
#               (400 MB; half an hour on a quiet machine)
# make lock     requirements*.txt, compiled again from requirements*.in
# make clean    what was built;  make distclean  also the environment
#
# PYTHON=python3.12     another Python
# TORCH_INDEX=address   an index of CPU-only torch wheels (see README.md)
# RUNS=3                runs of Lighthouse for each page
# PART="The rules"      the part in which a new chapter comes last

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: book site release dated test pdf tex tex-packages check lint live lock clean distclean
.PHONY: shots lighthouse lighthouse-tools frameworks census builds networks experiments mutants
.PHONY: chapter measurements alone

PYTHON ?= python3
TORCH_INDEX ?=
RUNS ?= 1
PART ?= The rules
BIN := .venv/bin
INSTALLED := .venv/installed
FRAMEWORKS := .venv/frameworks
MUTATING := .venv/mutating
CENSUS := .venv/census
# Warnings are errors, a reference without a target is a warning.
STRICT := -W -n --keep-going
LATEX := _build/latex
COMPILE := $(BIN)/pip-compile --strip-extras --no-emit-find-links --no-emit-index-url \
    --no-emit-trusted-host --no-header --annotation-style=line --find-links _build/lock
TEX_PACKAGES := latexmk texlive-latex-recommended texlive-latex-extra \
    texlive-fonts-recommended texlive-xetex xindy fonts-texgyre fonts-texgyre-math fonts-dejavu-core
# Threads would make small tensors slower and the last digits depend on the machine.
# (The cells of the book have one anyway: bookpress.execute.execution.)
export OMP_NUM_THREADS := 1

# Runs only the chapters under which something changed, and publishes all or nothing.
book: $(INSTALLED)
	$(BIN)/jupyter-book build . $(STRICT)
	@echo "Read it: file://$(CURDIR)/_build/html/index.html"

# From nothing, without any cache; the same commit gives the same bytes.
release: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2> /dev/null)
release: dated $(INSTALLED)
	rm -rf _build/.doctrees _build/.jupyter_cache _build/jupyter_execute
	$(BIN)/jupyter-book build . $(STRICT)
	@echo "Publish it: $(CURDIR)/_build/html"

dated:
	@test -n "$$SOURCE_DATE_EPOCH" || { echo "There is no git history to take the date of the"; \
	    echo "release from. Say it: make release SOURCE_DATE_EPOCH=$$(date +%s)"; exit 1; }

# The PDF first: both are written from one reading, and the pages then offer it.
site: pdf
	$(MAKE) book

# On all cores; whoever is done early takes tests over from the others.
test: $(if $(shell command -v xelatex),site,book)
	$(BIN)/pytest --numprocesses logical --dist worksteal

alone: book
	rm -rf tests/site/alone.json _build/alone
	$(BIN)/pytest --numprocesses logical tests/site/test_downloads.py -k runs_alone
	$(BIN)/python tests/site/alone.py

pdf: tex $(INSTALLED)
	$(BIN)/jupyter-book build . --builder latex $(STRICT)
	$(MAKE) -C $(LATEX) all-pdf > $(LATEX).log 2>&1 \
	    || { grep -A 8 -m 3 -e '^!' $(LATEX).log || tail -n 40 $(LATEX).log; exit 1; }
	@echo "Read it: file://$(CURDIR)/$(LATEX)/weight-decay.pdf"

tex:
	@for tool in latexmk xelatex xindy; do command -v $$tool > /dev/null \
	    || { echo "The PDF needs TeX, and $$tool is missing. On Debian or Ubuntu:"; \
	    echo "apt-get install --no-install-recommends $(TEX_PACKAGES)"; exit 1; }; done

tex-packages:
	@echo $(TEX_PACKAGES)

check: lint frameworks test

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

shots: book
	$(BIN)/python tests/site/shots.py
	@echo "Look at them: file://$(CURDIR)/_build/shots/index.html"

# The tools first: who lacks one hears it before the book is built.
lighthouse: lighthouse-tools book
	$(BIN)/python benchmarks/lighthouse.py --runs $(RUNS)
	@echo "Read it: $(CURDIR)/benchmarks/lighthouse.md"

networks: $(INSTALLED)
	$(BIN)/python benchmarks/networks.py
	@echo "Read it: $(CURDIR)/benchmarks/networks.md"

experiments: $(INSTALLED)
	$(BIN)/python -m weightdecay.experiments

measurements: $(INSTALLED)
	$(BIN)/python benchmarks/measurements.py

builds: $(INSTALLED)
	$(BIN)/python benchmarks/builds.py
	@echo "Read it: $(CURDIR)/benchmarks/builds.md"

mutants: $(MUTATING)
	$(BIN)/python benchmarks/mutants.py
	@echo "Read it: $(CURDIR)/benchmarks/mutants.md"

lighthouse-tools: $(INSTALLED)
	@$(BIN)/python benchmarks/lighthouse.py --install

live: $(INSTALLED)
	$(BIN)/python -m bookpress.write.live

chapter: $(INSTALLED)
	@$(if $(NAME),,echo "Which one? make chapter NAME=its_question"; exit 1)
	$(BIN)/python -m bookpress.write.chapter $(NAME) --template book/_template/chapter.md \
	    --part "$(PART)"
	$(MAKE) book

# The first line refuses a Python that is too old, before anything is written.
$(INSTALLED): requirements.txt pyproject.toml press/pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and %s is %d.%d. Name another: make book PYTHON=python3.11" % ((sys.executable,) + v))'
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(BIN)/pip install --no-deps --index-url $(TORCH_INDEX) $$(grep '^torch==' requirements.txt))
	@$(if $(TORCH_INDEX),,$(BIN)/python torch_wheel.py notice)
	$(BIN)/pip install -r requirements.txt
	$(BIN)/pip install --no-deps --no-build-isolation -e . -e press
	touch $@

frameworks: $(FRAMEWORKS)

$(FRAMEWORKS): requirements-frameworks.txt $(INSTALLED)
	$(BIN)/pip install --no-deps -r requirements-frameworks.txt
	touch $@

$(MUTATING): requirements-mutants.txt $(INSTALLED)
	$(BIN)/pip install --no-deps -r requirements-mutants.txt
	touch $@

# In a folder of its own, without what they depend on: no other target sees them.
census: $(CENSUS)/installed
	PYTHONPATH=$(CENSUS) $(BIN)/python benchmarks/census.py

$(CENSUS)/installed: requirements-census.txt $(INSTALLED)
	rm -rf $(CENSUS)
	$(BIN)/pip install --no-deps --target $(CENSUS) -r requirements-census.txt
	touch $@

# The second file holds only what the first has not. Neither resolves CUDA: see
# torch_wheel.py.
lock: $(INSTALLED)
	mkdir -p _build/lock
	$(BIN)/python torch_wheel.py stand-in _build/lock
	cp requirements.txt requirements.compiled
	$(COMPILE) --allow-unsafe --output-file=requirements.compiled requirements.in
	sed -n '/^#/!q;p' requirements.txt > requirements.head
	sed 's/^\(torch==[0-9.]*\)+[a-z0-9]*/\1/' requirements.compiled | cat requirements.head - > requirements.txt
	cp requirements-frameworks.txt frameworks.compiled
	$(COMPILE) --constraint requirements.txt --unsafe-package torchvision \
	    --output-file=frameworks.compiled requirements-frameworks.in
	sed -n '/^#/!q;p' requirements-frameworks.txt > requirements.head
	grep == frameworks.compiled | grep -v -e '-c requirements.txt' \
	    | cat requirements.head - > requirements-frameworks.txt
	rm -r requirements.compiled frameworks.compiled requirements.head _build/lock

clean:
	rm -rf _build

distclean: clean
	rm -rf .venv
