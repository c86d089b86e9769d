#!/bin/sh
# Measures requests per second, p50 and p99 of a running `ressenti serve` at 1, 16 and 256 connections with wrk. The
# server and wrk share the cores. FILE has one JSON object with a field `text` in each line.
#
#   xtask/scripts/serve_load.sh http://127.0.0.1:8080 FILE [SECONDS [CONNECTIONS ...]]
set -eu
address=$1 file=$2 seconds=${3:-10}
[ $# -gt 3 ] && shift 3 || set -- 1 16 256
command -v wrk >/dev/null || { echo "wrk is not installed: apt-get install wrk" >&2; exit 2; }
here=$(dirname "$0")
for connections in "$@"; do
  printf '%s connections: ' "$connections"
  wrk --threads 1 --connections "$connections" --duration "${seconds}s" --timeout 10s \
    --script "$here/serve_load.lua" "$address" -- "$file" | tail -n 1
  curl -s "$address/metrics" | awk '/^process_resident/ { printf "  resident %.0f MB\n", $2 / 1e6 }'
done
