#!/usr/bin/env bash
# Starts MongoDB in Docker for the tests and prints the MONGODB_URI to run them with.
#   scripts/ci/mongodb.sh replica-set 7.0     one mongod that is a replica set
#   scripts/ci/mongodb.sh sharded 8.0         mongos, a config server and two shards
#   scripts/ci/mongodb.sh limited-user 8.0    a replica set with authentication, and a user as Atlas gives them: readWrite
#                                             and dbAdmin on any database, and no privilege on the cluster
#   scripts/ci/mongodb.sh stop                removes what this script has started
# Ports: 27017, or ORG_DB_CI_PORT.
set -euo pipefail

kind=${1:-}
version=${2:-8.0}
image=mongo:$version
port=${ORG_DB_CI_PORT:-27017}
label=org-db-ci

fail() { echo "$1" >&2; exit 2; }

# container: runs one server on the host's network, so that members know each other by the names that clients use.
container() {
  local name=$1
  shift
  docker run --detach --rm --network host --name "$label-$name" --label "$label" "$@" > /dev/null
}

# shell PORT CODE [OPTIONS]: runs JavaScript on a server, again until it answers.
shell() {
  local at=$1 code=$2
  shift 2
  for _ in $(seq 60); do
    if docker run --rm --network host "$image" mongosh --quiet --port "$at" "$@" --eval "$code" > /dev/null 2>&1; then return; fi
    sleep 1
  done
  fail "the server on port $at does not answer"
}

replica_set() {
  local name=$1 at=$2
  shift 2
  container "$name" "$image" mongod --bind_ip 127.0.0.1 --port "$at" --replSet "$name" "$@"
  shell "$at" "try { rs.status() } catch { rs.initiate({ _id: '$name', members: [{ _id: 0, host: '127.0.0.1:$at' }]$extra }) }"
  shell "$at" "if (!db.hello().isWritablePrimary) quit(1)"
}

extra=""
case "$kind" in
  replica-set)
    replica_set rs "$port"
    echo "mongodb://127.0.0.1:$port/?directConnection=true"
    ;;
  sharded)
    extra=", configsvr: true"
    replica_set config $((port + 1)) --configsvr
    extra=""
    replica_set shard1 $((port + 2)) --shardsvr
    replica_set shard2 $((port + 3)) --shardsvr
    container mongos "$image" mongos --bind_ip 127.0.0.1 --port "$port" --configdb "config/127.0.0.1:$((port + 1))"
    shell "$port" "sh.addShard('shard1/127.0.0.1:$((port + 2))'); sh.addShard('shard2/127.0.0.1:$((port + 3))')"
    echo "mongodb://127.0.0.1:$port/"
    ;;
  limited-user)
    # Members of a replica set know each other by a key file, which mongod wants for itself alone.
    key='head -c 64 /dev/urandom | base64 -w0 > /tmp/key && chmod 400 /tmp/key'
    container rs "$image" bash -c "$key && exec mongod --bind_ip 127.0.0.1 --port $port --replSet rs --keyFile /tmp/key"
    shell "$port" "rs.initiate({ _id: 'rs', members: [{ _id: 0, host: '127.0.0.1:$port' }] })"
    # The first user is made on the server itself, by the exception for localhost.
    for _ in $(seq 60); do
      made=$(docker exec "$label-rs" mongosh --quiet --port "$port" --eval "
        db.getSiblingDB('admin').createUser({ user: 'root', pwd: 'root', roles: ['root'] }).ok" 2> /dev/null || true)
      [ "$made" = 1 ] && break
      sleep 1
    done
    shell "$port" "db.getSiblingDB('admin').createUser({ user: 'tests', pwd: 'tests',
      roles: ['readWriteAnyDatabase', 'dbAdminAnyDatabase'] })" -u root -p root
    echo "mongodb://tests:tests@127.0.0.1:$port/?directConnection=true&authSource=admin"
    ;;
  stop)
    docker ps --quiet --filter "label=$label" | xargs --no-run-if-empty docker stop > /dev/null
    ;;
  *) fail "usage: scripts/ci/mongodb.sh replica-set|sharded|limited-user VERSION, or stop" ;;
esac
