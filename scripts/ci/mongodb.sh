#!/usr/bin/env bash
# Starts MongoDB in Docker for the tests, and prints its connection string as the only line on stdout.
#
#   scripts/ci/mongodb.sh replica-set 7.0    a replica set of one node
#   scripts/ci/mongodb.sh sharded 8.0        a mongos, a config server and two shards
#   scripts/ci/mongodb.sh limited-user 8.0   a replica set, and a user without privileges on the cluster
#   scripts/ci/mongodb.sh stop               ends it, and removes its data
#
# MONGODB_CI_PORT (27117) is the server's port on this machine; a sharded cluster takes the three behind it as well.
set -euo pipefail
cd "$(dirname "$0")"

readonly name=org-db-ci-mongodb
port=${MONGODB_CI_PORT:-27117}

usage() {
  sed -n '2,8s/^# \{0,1\}//p' mongodb.sh >&2
  exit 64
}

stop() { docker rm --force --volumes "$name" >/dev/null 2>&1 || true; }

# What ran before it was ready is shown, as only that tells why.
fail() {
  echo "$1" >&2
  docker logs --tail 100 "$name" >&2 || true
  stop
  exit 1
}

[ "${1-}" = stop ] && { stop; exit 0; }
[ $# -eq 2 ] || usage
readonly topology=$1 version=$2
[[ $version =~ ^[0-9]+\.[0-9]+(\.[0-9]+)?$ ]] || usage
case $topology in
replica-set) query='?replicaSet=rs0' ;;
sharded) query='' ;;
limited-user) query='?replicaSet=rs0&authSource=admin' ;;
*) usage ;;
esac

stop
ports=()
for offset in 0 1 2 3; do ports+=(--publish "127.0.0.1:$((port + offset)):$((port + offset))"); done
docker run --detach --name "$name" "${ports[@]}" \
  --volume "$PWD/mongodb-in-container.sh:/mongodb-in-container.sh:ro" \
  --entrypoint /bin/bash "mongo:$version" /mongodb-in-container.sh "$topology" "$port" >/dev/null

# The file appears when all that the topology needs is set up.
for _ in $(seq 120); do
  if docker exec "$name" test -e /tmp/ready 2>/dev/null; then
    credentials=''
    # Of a server that ends with the test run, and listens on loopback only.
    [ "$topology" = limited-user ] && credentials='tests:tests@'
    echo "mongodb://${credentials}127.0.0.1:$port/$query"
    exit 0
  fi
  [ "$(docker inspect --format '{{.State.Running}}' "$name")" = true ] || fail "MongoDB $version ended while it started"
  sleep 1
done
fail "MongoDB $version was not ready within two minutes"
