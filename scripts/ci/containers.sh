#!/usr/bin/env bash
# Signs up and in through the containers of compose.yaml, which are up, and stops the service as an orchestrator does.
set -euo pipefail
cd "$(dirname "$0")/../.."

service=http://127.0.0.1:3000/v1
json=(--fail-with-body --silent --show-error -H 'content-type: application/json')
browser='Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
person='"password":"correct horse battery"'

curl "${json[@]}" "$service/users" -d "{\"email\":\"ada@example.com\",$person}"
curl "${json[@]}" "$service/sessions" -A "$browser" -d "{\"identifier\":\"ada@example.com\",$person}"
curl --fail --silent --output /dev/null http://127.0.0.1:9464/metrics
curl --fail --silent http://127.0.0.1:8025/api/v1/messages | grep -q ada@example.com
docker compose exec -T api id -u | grep -qx 1000
docker compose stop --timeout 20 api
[ "$(docker inspect --format '{{.State.ExitCode}}' "$(docker compose ps --all --quiet api)")" = 0 ]
