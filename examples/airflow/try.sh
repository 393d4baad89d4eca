#!/bin/sh
# A day of a home by the DAG beside this file, in an Airflow of its own: `try.sh HOME DAY PENCHANT`, as `make airflow` calls it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PENCHANT_HOME=$(cd "$1" && pwd)
day=$2
PENCHANT=$3
environment=${AIRFLOW_ENVIRONMENT:-$here/.airflow}
uv=${UV:-uv}
[ -x "$environment/bin/airflow" ] || {
  "$uv" venv --quiet "$environment"
  "$uv" pip install --quiet --python "$environment/bin/python" 'apache-airflow==3.3.2' apache-airflow-providers-standard
}
AIRFLOW_HOME=$(mktemp -d)
trap 'rm -rf "$AIRFLOW_HOME"' EXIT
export AIRFLOW_HOME PENCHANT PENCHANT_HOME
export AIRFLOW__CORE__DAGS_FOLDER="$here" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
"$environment/bin/airflow" db migrate >/dev/null 2>&1
"$environment/bin/airflow" dags test penchant_day "$day"
"$PENCHANT" run status --home "$PENCHANT_HOME"
