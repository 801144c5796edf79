#!/usr/bin/env bash
# sync-stock.sh STORE: one run of one store, by hand, from cron or from a timer.
#
# Beside this script stand .venv, with tap and target, and a folder stores/STORE that holds
#   store.env     the store's credentials, as TARGET_TOCOBAGUS_…=… lines
#   target.json   its other settings
#   tap.json and catalog.json, the tap's own
# and, from the first run on, state.json: the last STATE, with the ids of the batches.
#
# The exit code is the target's, or else the tap's; 75 if a run of this store is not over yet.
set -euo pipefail
cd "$(dirname "$0")"
PATH=$PWD/.venv/bin:$PATH
cd "stores/$1"

# All processes of the run hold the lock: it is free when the last of them has ended.
exec 9> lock
flock --nonblock 9 || { echo "$1: its last run is not over yet" >&2; exit 75; }

set -a
. ./store.env
set +a

since=()
if [[ -s state.json ]]; then since=(--state state.json); fi

# Stopped together with tap and target, this script still keeps what the target says last.
trap : TERM INT
code=0
tap-postgres --config tap.json --catalog catalog.json "${since[@]}" \
  | target-tocobagus --config target.json --config ENV > states || code=$?

# A failed run has a STATE too: of the rows that have their fate. A run without any changes none.
tail -n 1 states > state.new
if [[ -s state.new ]]; then mv state.new state.json; fi
exit "$code"
