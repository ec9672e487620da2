#!/usr/bin/env bash
# Runs the tests on MongoDB in Docker: scripts/ci/test-on-mongodb.sh replica-set 7.0 (see mongodb.sh for the others).
set -euo pipefail
cd "$(dirname "$0")/../.."

MONGODB_URI=$(scripts/ci/mongodb.sh "$@")
export MONGODB_URI
trap 'scripts/ci/mongodb.sh stop' EXIT
npm test --silent -- tests
