#!/usr/bin/env bash
# The titles of a change's commits have at most 72 characters, so that every tool shows them whole.
# Usage: scripts/ci/commit-titles.sh [<base>]; the base is a commit that the change builds on, by default origin/main.
set -euo pipefail
base=${1:-origin/main}
limit=72
long=$(git log --no-merges --format='%h %s' "$base..HEAD" | awk -v limit="$limit" '{
  title = substr($0, index($0, " ") + 1)
  if (length(title) > limit) printf "%s (%d characters) %s\n", $1, length(title), title
}')
if [ -n "$long" ]; then
  printf 'Titles of more than %d characters:\n%s\n' "$limit" "$long" >&2
  exit 1
fi
echo "Every title since $base has at most $limit characters."
