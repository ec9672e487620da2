#!/usr/bin/env bash
# Builds what the images run, into a folder for each: api, maintenance and setup, with the dependencies of production only.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:?the folder to write}")

pnpm() { npx -y "$(node -p 'require("./package.json").packageManager')" "$@"; }
[ ! -d /pnpm-store ] || pnpm config set store-dir /pnpm-store --location=project

pnpm install --frozen-lockfile --loglevel=error
npx turbo run build --output-logs=errors-only --filter=@org/api... --filter=@org/maintenance... --filter=@org/container-setup...
for image in api maintenance container-setup; do
  folder=$out/${image#container-}
  # Peers of workspaces that are not part of it are no fault of this one.
  pnpm --filter "@org/$image" deploy --prod --legacy --config.strict-peer-dependencies=false --loglevel=error "$folder"
  rm -rf "$folder/test" "$folder/vitest.config.ts"
done
cp db.config.ts "$out/setup/"
