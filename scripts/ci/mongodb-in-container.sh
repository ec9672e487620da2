#!/usr/bin/env bash
# Within a container of MongoDB's image: starts the servers of a topology, sets them up, and waits for them.
# All listen in one container, so that a server's name for itself, 127.0.0.1 and its port, is right for everybody.
set -euo pipefail

readonly topology=$1 port=$2 data=/data/org-db-ci

mongod_on() {
  local at=$1
  shift
  mkdir -p "$data/$at"
  mongod --fork --logpath "$data/$at.log" --dbpath "$data/$at" --port "$at" --bind_ip_all "$@"
}

run() { mongosh --quiet --port "$1" --eval "$2"; }

# initiate <port> <set> <more of the configuration>
initiate() {
  run "$1" "rs.initiate({ _id: '$2', members: [{ _id: 0, host: '127.0.0.1:$1' }] ${3-} })"
  run "$1" "while (!db.hello().isWritablePrimary) sleep(100)"
}

replica_set() {
  mongod_on "$port" --replSet rs0
  initiate "$port" rs0
}

sharded() {
  local config=$((port + 1)) shard
  mongod_on "$config" --configsvr --replSet config
  initiate "$config" config ', configsvr: true'
  for shard in 2 3; do
    mongod_on "$((port + shard))" --shardsvr --replSet "shard$shard"
    initiate "$((port + shard))" "shard$shard"
  done
  mongos --fork --logpath "$data/mongos.log" --configdb "config/127.0.0.1:$config" --port "$port" --bind_ip_all
  for shard in 2 3; do
    run "$port" "sh.addShard('shard$shard/127.0.0.1:$((port + shard))')"
  done
}

# Read, write and administer every database, and nothing of the cluster: what Atlas gives to the user of an application.
# https://www.mongodb.com/docs/manual/reference/built-in-roles/#all-database-roles
limited_user() {
  mkdir -p "$data"
  head -c 512 /dev/urandom | base64 --wrap=0 >"$data/key"
  chmod 400 "$data/key"
  mongod_on "$port" --replSet rs0 --keyFile "$data/key"
  run "$port" "rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: '127.0.0.1:$port' }] })"
  # Until there is a user, whoever comes by loopback may make the first.
  run "$port" "while (!db.hello().isWritablePrimary) sleep(100);
    db.getSiblingDB('admin').createUser({ user: 'root', pwd: 'root', roles: ['root'] });
    db.getSiblingDB('admin').auth('root', 'root');
    db.getSiblingDB('admin').createUser({
      user: 'tests', pwd: 'tests', roles: ['readWriteAnyDatabase', 'dbAdminAnyDatabase'] });"
}

case $topology in
replica-set) replica_set ;;
sharded) sharded ;;
limited-user) limited_user ;;
*)
  echo "unknown topology $topology" >&2
  exit 64
  ;;
esac
touch /tmp/ready
# Until the container is stopped, its servers run in the background.
exec sleep infinity
