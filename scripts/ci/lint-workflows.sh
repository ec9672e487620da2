#!/usr/bin/env bash
# Checks the workflow files with actionlint, and the scripts that they run for syntax. Needs Go.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash -n .ci/run scripts/ci/*.sh
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
GOBIN=$tools go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
"$tools/actionlint" -color
