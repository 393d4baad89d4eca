# What people and CI call alike. `make` alone lists the targets.

HOME_DIR ?= .penchant
PORT ?= 3000
MLFLOW_PORT ?= 5000
MINUTES ?= 20
DAY ?= 1998-06-30

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# uv takes the machine's Python, never one of its own.
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help setup run site test tests browser postgres rabbitmq java engines lint style types bench tables endure soak fuzz pages doors airflow compare coverage nulls campaigns deliveries proxied uplift lookalikes noise kill stream kafka scale spark daily sources moves discover families seasons pictures mlflow mailing lock newest kills

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

setup: $(STAMP) $(VENV)/bin/penchant ## make .venv from requirements.lock (instant when nothing changed)

# Without uv on the path it is installed into .venv by pip; --without-pip because Debian's Python lacks ensurepip.
# Compiled once here: where PYTHONDONTWRITEBYTECODE is set every process would compile its libraries anew.
$(STAMP): requirements.lock
	@set -e; \
	[ -x $(PY) ] || { \
	  for python in python3 python3.13 python3.12 python3.11; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	  done; \
	  [ -n "$$python" ] || { echo "Python 3.11 or newer is needed: none is on the path." >&2; exit 1; }; \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  $$python -m venv --without-pip $(VENV); \
	}; \
	uv=$$(command -v uv || true); \
	if [ -z "$$uv" ] || ! "$$uv" --version >/dev/null 2>&1; then \
	  uv=$(VENV)/bin/uv; \
	  [ -x $$uv ] || "$${python:-python3}" -m pip --python $(PY) install --quiet 'uv>=0.8'; \
	fi; \
	echo "Installing requirements.lock"; \
	"$$uv" pip install --quiet --compile-bytecode --python $(PY) --require-hashes --requirement requirements.lock; \
	touch $(STAMP)

# The command of this checkout, in whatever folder it is typed.
$(VENV)/bin/penchant: Makefile | $(STAMP)
	@printf '%s\n' '#!/bin/sh' 'here=$$(cd "$$(dirname "$$0")" && pwd)' \
	  'PYTHONPATH="$$(dirname "$$(dirname "$$here")")$${PYTHONPATH:+:$$PYTHONPATH}" exec "$$here/python" -m penchant "$$@"' > $@
	@chmod +x $@

run: setup ## train the examples and score two days once, then serve them on PORT (default 3000)
	@$(PY) -m serving.cli.demo --home "$(HOME_DIR)" --port $(PORT) --only-check-port
	@$(PY) examples/first_home.py --home "$(HOME_DIR)"
	@exec $(PY) -m serving.cli.demo --home "$(HOME_DIR)" --port $(PORT)

airflow: setup ## do a day of HOME_DIR by examples/airflow, in an Airflow of its own (DAY, default 1998-06-30)
	UV=$$(command -v uv || echo $(VENV)/bin/uv) sh examples/airflow/try.sh "$(HOME_DIR)" "$(DAY)" "$(abspath $(VENV)/bin/penchant)"

site: setup ## build the site of docs/ into site/, in English and French; `mkdocs serve` shows it while it is written
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet

# Types are checked beside the tests, whose first minutes leave a processor idle.
test: setup style browser postgres rabbitmq java ## lint, types and all tests, as CI runs them
	@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,--jobs 2) types tests

# A file of tests stays in one process: what its tests share is made once. Files come as tests/conftest.py orders them.
# A third process works while tests of the others wait for servers, pages and clocks. The three are forked from one
# that has imported the libraries.
# Our own code is compiled once too: where PYTHONDONTWRITEBYTECODE is set hundreds of processes would compile it anew.
tests: export PYTHONDONTWRITEBYTECODE :=
tests: setup
	$(PY) -m pytest --tx "3*popen//python=$(PY) -m tests.support.worker" --dist loadfile --no-loadscope-reorder

# The console's tests drive a real browser: Debian's, installed where it is missing and we may; else they say so.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	  echo "No chromium: the console's tests will fail." >&2

# Sources are tried on a real PostgreSQL: Debian's, installed where it is missing and we may.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends postgresql >/dev/null; } || \
	  echo "No PostgreSQL: the tests of sources will fail." >&2

# Spark is tried on a real cluster of this machine: Debian's Java, installed where it is missing and we may.
java:
	@command -v java >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends openjdk-17-jre-headless >/dev/null; } || \
	  echo "No Java: the tests of Spark will fail." >&2

# Streams are tried on a real RabbitMQ, started by hand: Debian's.
rabbitmq:
	@[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends rabbitmq-server >/dev/null; } || \
	  echo "No RabbitMQ: the tests of streams will fail." >&2

lint: style types ## ruff and mypy

style: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: setup
	$(PY) -m mypy

# Our own code is compiled once, as it is where it is installed.
bench: export PYTHONDONTWRITEBYTECODE :=
bench: setup ## peers and Penchant side by side: a table in bench.md, figures in bench.json (10 minutes)
	$(PY) -m benchmarks --json bench.json | tee bench.md

engines: setup postgres java ## features of whole CDNOW and the mailing example on PostgreSQL and a Spark cluster, against DuckDB's (5 minutes)
	$(PY) -m benchmarks.engines

endure: setup ## 120 swaps under load, damaged releases, kills, twice the load, erasures, endless heads (about 30 minutes)
	$(PY) -m benchmarks.endurance swaps refusals kills overload erasures heads

soak: setup ## load for MINUTES (default 20) with a swap a minute: memory and descriptors before and after
	$(PY) -m benchmarks.endurance soak --minutes $(MINUTES)

kills: setup ## every command on a home killed at 100 moments, a daily run at 20: sound after each, nothing of a customer left (15 minutes)
	PENCHANT_KILLS=100 $(PY) -m pytest tests/system/test_kills.py
	PENCHANT_RUN_KILLS=20 $(PY) -m pytest tests/penchant/daily/test_run.py -k killed

fuzz: setup ## schemathesis, all checks, 500 cases a route, against the described API (about 10 minutes)
	PENCHANT_FUZZ_CASES=500 $(PY) -m pytest tests/serving/api/test_openapi.py

pages: setup ## what each page of the console costs, with a million customers behind it (2 minutes; after `make run`)
	$(PY) -m benchmarks.pages --home "$(HOME_DIR)"

doors: setup ## 1,000 customers of each example by raw events and by features: equal answers, and what they cost (5 minutes)
	@$(PY) -W ignore -m benchmarks.doors

# CatBoost, LightGBM and the tables are in an environment of their own, which holds the locked versions of all else.
compare: setup ## sixteen public tasks beside XGBoost, LightGBM, CatBoost, scikit-learn (half an hour; PENCHANT_DATA names the data)
	@set -e; uv=$$(command -v uv || echo "$(CURDIR)/$(VENV)/bin/uv"); own=.compare/venv; \
	[ -x $$own/bin/python ] || "$$uv" venv --quiet --python $(PY) $$own; \
	"$$uv" pip install --quiet --python $$own/bin/python --requirement requirements.lock; \
	"$$uv" pip install --quiet --python $$own/bin/python --group compare; \
	OMP_NUM_THREADS=1 $$own/bin/python -W ignore -m benchmarks.compare

coverage: setup ## how often 95% intervals hold the truth of 300 synthetic populations (5 minutes of processor time)
	$(PY) -W ignore -m benchmarks.coverage

nulls: setup ## 200 first models of outcomes that nothing tells: how many the gate would promote (4 minutes of processor time)
	$(PY) -W ignore -m benchmarks.null_models

deliveries: setup ## each destination's stand-in: 20 storms of lost and half answers, a kill at every moment; 100,000 members, calls and memory (30 minutes)
	PENCHANT_DELIVERIES=20 $(PY) -m pytest -q -rP tests/activation/deliveries/test_sync.py tests/activation/deliveries/test_kills.py tests/activation/cli/test_killed_process.py tests/activation/destinations/test_storms.py
	$(PY) -W ignore -m benchmarks.deliveries

proxied: setup ## a vendor's stand-in behind `prism proxy --errors`: KIND hubspot or brevo, PRISM its command, SPECS the vendor's own descriptions (1 minute)
	$(PY) -W ignore -m benchmarks.proxied_deliveries $(KIND) $(PRISM) $(SPECS)

campaigns: setup ## 2,000 campaigns without an effect at 100 looks, coverage over 500 of each kind (1 minute of processor time)
	$(PY) -W ignore -m benchmarks.campaigns

uplift: setup ## 200 campaigns each without effect, with the same for all, with a planted one: how many are adopted (15 minutes)
	$(PY) -W ignore -m benchmarks.uplift_trials

lookalikes: setup ## fifty future big spenders of CDNOW as a seed, twenty times: who else is found, beside the centroid (a minute)
	$(PY) -W ignore -m benchmarks.lookalikes

noise: setup ## fifty challengers a task that differ by their seed alone: how many are promoted (about 20 minutes)
	$(PY) -W ignore -m benchmarks.noise

kill: setup ## kill a training at twenty random moments; registry and release store must hold (about 10 minutes)
	$(PY) -W ignore -m benchmarks.kill

tables: setup ## feature tables by us, by SQL and by pandas: 10M events, CPU and memory (about 8 minutes)
	$(PY) -m benchmarks.tables | tee tables.md

discover: setup ## verdicts on sets without clusters, planted shapes, two public logs; a million rows (15 minutes; PENCHANT_DATA)
	$(PY) -W ignore -m benchmarks.discover

families: setup ## how often reasons of one family disagree, feature by feature and by family, on the home of `make run`
	$(PY) -W ignore -m benchmarks.families --home "$(HOME_DIR)"

scale: setup ## train a million rows of 40 columns beside xgboost.train alone: processor time and peak memory
	$(PY) -W ignore -m benchmarks.scale

pictures: setup ## take the pictures of the README, of the home that `make run` leaves
	$(PY) -m benchmarks.pictures --home "$(HOME_DIR)"

daily: setup ## a day of 1M customers and 10M events, then pages, filters and searches of one: processor time, memory (1 hour)
	$(PY) -W ignore -m benchmarks.daily_run
	$(PY) -m benchmarks.daily
	$(PY) -W ignore -m benchmarks.monitored

moves: setup ## why 1,000 customers moved between the days of `make run`, held by the scores and by SQL (2 minutes)
	@$(PY) -W ignore -m benchmarks.moves --home "$(HOME_DIR)"

seasons: setup ## a year of Online Retail II looked at each week: false alerts, planted failures (4 minutes of processor time)
	$(PY) -W ignore -m benchmarks.seasons

stream: setup rabbitmq ## CDNOW as a stream, killed, replayed, flooded, erased from, by Kafka's protocol and RabbitMQ, beside the nightly batch of HOME_DIR (40 minutes)
	$(PY) -W ignore -m benchmarks.streams --home "$(HOME_DIR)" soak replay flood erasure throughput latency
	$(PY) -W ignore -m benchmarks.streams --home "$(HOME_DIR)" --broker rabbitmq soak outage latency

kafka: setup .kafka/jars ## the same over Apache Kafka itself, which is started for it: nine kills, a rebalance, a broker that goes and comes back (15 minutes; Java, Maven)
	$(PY) -W ignore -m benchmarks.streams --home "$(HOME_DIR)" --broker kafka soak rebalance outage latency

# Jars of Maven's central repository, or of the mirror that Maven's own settings name.
.kafka/jars: benchmarks/streams/apache-kafka.xml
	@rm -rf $@
	mvn --quiet --batch-mode --file $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$(CURDIR)/$@"
	@touch $@

spark: setup ## a million customers scored by a Spark cluster of this machine and without one: equal files, processor time, a worker killed (10 minutes)
	$(PY) -W ignore -m benchmarks.spark

sources: setup ## 330,740 rows of PostgreSQL and 10M events of S3, landed, beside ADBC and pyarrow alone (2 minutes)
	$(PY) -W ignore -m benchmarks.sources

mlflow: setup ## open the MLflow pages on what was trained, on MLFLOW_PORT (default 5000)
	MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(PY) -m mlflow server --host 127.0.0.1 \
	  --port $(MLFLOW_PORT) --workers 1 --backend-store-uri "sqlite:///$(HOME_DIR)/mlflow.db"

mailing: setup ## write the synthetic mailing example to examples/b2b-mailing/data
	$(PY) examples/b2b-mailing/generate.py

lock: setup ## resolve pyproject.toml anew into the four locks
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --all-extras --group dev --group docs pyproject.toml \
	  --output-file requirements.lock --quiet
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --group serving \
	  --constraint requirements.lock --output-file serving/requirements.lock --quiet
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --group registry \
	  --constraint requirements.lock --output-file training/registry.lock --quiet
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --all-extras pyproject.toml \
	  --constraint requirements.lock --output-file deploy/requirements.lock --quiet

# Nothing of this checkout's environment is used but uv.
newest: setup ## the newest versions that pyproject.toml allows, in an environment of their own: train, score, serve (2 minutes)
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	uv=$$(command -v uv || echo "$(CURDIR)/$(VENV)/bin/uv"); \
	"$$uv" venv --quiet --python $(PY) "$$folder/venv"; \
	"$$uv" pip install --quiet --python "$$folder/venv/bin/python" --resolution highest .; \
	cd "$$folder" && venv/bin/python "$(CURDIR)/tests/support/smoke.py"
