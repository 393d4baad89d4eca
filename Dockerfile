# syntax=docker/dockerfile:1
# Three images of one base: `server` (the default: no training library, no compiler), `daily`, which trains, scores days
# and reads streams, and `mlflow`, the registry of compose.yaml. All run as a user who owns nothing in them.
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin penchant

FROM base AS mlflow
COPY training/registry.lock /tmp/registry.lock
RUN pip install --require-hashes --only-binary :all: --requirement /tmp/registry.lock
# Named volumes take over who owns the folder they are mounted on.
RUN install --directory --owner penchant /srv/mlflow
ENV HOME=/tmp MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
WORKDIR /tmp
USER 10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=90s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=2)"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", \
  "--backend-store-uri", "postgresql+psycopg://", "--artifacts-destination", "/srv/mlflow"]

FROM base AS daily
COPY deploy/requirements.lock /tmp/requirements.lock
RUN pip install --require-hashes --only-binary :all: --requirement /tmp/requirements.lock
WORKDIR /app
COPY LICENSE ./
COPY features/ features/
COPY scoring/ scoring/
COPY training/ training/
COPY activation/ activation/
COPY monitoring/ monitoring/
COPY serving/ serving/
COPY penchant/ penchant/
ENV HOME=/tmp NUMBA_CACHE_DIR=/tmp MLFLOW_DISABLE_TELEMETRY=true PENCHANT_HOME=/srv/penchant
USER 10001
# It ends when its work does; `penchant run status` says how.
HEALTHCHECK NONE
CMD ["python", "-m", "penchant", "run", "--json"]

FROM base AS server
COPY serving/requirements.lock /tmp/requirements.lock
RUN pip install --require-hashes --only-binary :all: --requirement /tmp/requirements.lock
WORKDIR /app
COPY LICENSE ./
COPY features/__init__.py features/
COPY features/spec/ features/spec/
COPY scoring/ scoring/
COPY serving/ serving/
ENV HOME=/tmp BENTOML_HOME=/tmp/bentoml BENTOML_DO_NOT_TRACK=True PENCHANT_HOME=/srv/penchant
USER 10001
EXPOSE 3000
# /livez, not /readyz: a server that waits for its first release is in good health.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/livez', timeout=2)"]
CMD ["python", "-m", "serving", "--host", "0.0.0.0", "--port", "3000"]
