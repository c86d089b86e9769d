#!/usr/bin/env bash
# Runs a Slurm cluster on one machine, for tests and measurements: munged, slurmctld, four slurmd with the node names
# node1 to node4, and (unless --no-accounting) MariaDB and slurmdbd for sacct. All files (configuration, key, sockets,
# state, logs, pids) are in one FOLDER. /etc/slurm, /etc/munge, /etc/mysql, /var and system services are not used, and
# all ports listen on the loopback interface. Several clusters can run at the same time in different folders.
#
#   xtask/scripts/slurm_cluster.sh start [--no-accounting] [FOLDER]   start; once four nodes are idle print SLURM_CONF
#   xtask/scripts/slurm_cluster.sh env [FOLDER]                       print that again
#   xtask/scripts/slurm_cluster.sh status [FOLDER]                    daemons, nodes, jobs; 1 if one is not running
#   xtask/scripts/slurm_cluster.sh stop [FOLDER]                      cancel all jobs, stop all daemons, wait
#   xtask/scripts/slurm_cluster.sh lose NODE [FOLDER]                 kill -9 NODE's slurmd and all its job processes
#   xtask/scripts/slurm_cluster.sh return NODE [FOLDER]               start NODE's slurmd again
#
# FOLDER: by default `start` makes one under ${TMPDIR:-/tmp} (that one `stop` removes); the other commands take it from
# SLURM_CONF, as `start` printed it. So:  eval "$(xtask/scripts/slurm_cluster.sh start)"; sinfo; slurm_cluster.sh stop
#
# Settings (environment, for `start`):
#   SLURM_BASE_PORT       the first of six successive ports (default: free ones)
#   SLURM_REQUEUE_DELAY   seconds that a requeued job is held back (default and minimum 5; Slurm's own default is 120)
#   SLURM_EXTRA_CONF      lines to add to slurm.conf; the last value of a name counts
#
# It needs root (slurmd starts processes as other users; jobs of root are allowed), a host name that resolves to the
# loopback interface (127.*), and the Debian packages
#   apt-get install slurm-wlm munge iproute2                 and for accounting: slurmdbd mariadb-server
# Tried with Debian 12: Slurm 22.05.8, munge 0.5.15, MariaDB 10.11.
#
# The cluster: partitions main (the default), short (at most one minute) and urgent (pushes jobs of main off their
# CPUs); 2 CPUs and 4,000 MB a node, whatever the machine has; 500 MB per CPU unless asked otherwise. A lost node is
# noticed after about 16 s, a job over its memory is killed within about 2 s, time limits are checked every 30 s.
set -euo pipefail

nodes=(node1 node2 node3 node4)
say() { printf 'slurm_cluster: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

# program NAME PACKAGE: its path, which may be in a folder that only root has on PATH.
program() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" || fail "the program $1 is missing. Hint: apt-get install $2"; }

# start_daemon NAME COMMAND...: starts it in its own session and records pid, start time and command line.
start_daemon() {
  local name=$1 pid; shift
  setsid "$@" </dev/null >>"$folder/log/$name.out" 2>&1 &
  pid=$!
  disown "$pid"
  { echo "$pid"; start_time "$pid"; echo "$*"; } >"$folder/pid/$name"
}

# When a process started, in clock ticks since boot: with the pid it names one process for good. The command's name
# (field 2) may hold spaces, so the fields are counted from behind its closing bracket.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || { echo gone; return 0; }
  stat=${stat##*) }
  echo "$stat" | cut -d ' ' -f 20
}

# running NAME: prints the pid if the recorded process still is the one that was started here.
running() {
  local record=$folder/pid/$1 pid started line now
  [ -f "$record" ] || return 1
  { read -r pid; read -r started; read -r line; } <"$record"
  [ "$(start_time "$pid")" = "$started" ] || return 1
  now=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) || return 1
  [ "${now% }" = "$line" ] || return 1 # a zombie has an empty command line: it has ended
  echo "$pid"
}

# wait_until SECONDS WHAT COMMAND...: polls until the command succeeds, else fails with the logs' last lines.
wait_until() {
  local until=$((SECONDS + $1)) what=$2; shift 2
  while ! "$@" >"$folder/log/wait.out" 2>&1; do
    if ((SECONDS >= until)); then
      tail -n 3 "$folder"/log/* >&2
      fail "$what did not start. Hint: see $folder/log"
    fi
    sleep 0.1
  done
}

# The address of the loopback interface on which Slurm's daemons will listen: with NoInAddrAny that of the host's name.
loopback_address() {
  local found
  found=$(getent ahostsv4 "$(hostname)" | cut -d ' ' -f 1 | head -n 1) || true
  case $found in
    127.*) echo "$found" ;;
    *) fail "the host name $(hostname) resolves to '$found', not to the loopback interface, where alone this cluster" \
      "may listen. Hint: echo '127.0.0.1 $(hostname)' >>/etc/hosts" ;;
  esac
}

# The first of six successive ports on which nobody listens, below the kernel's range for outgoing connections.
free_ports() {
  local address=$1 base port busy
  for _ in {1..200}; do
    base=$((20000 + RANDOM % 1200 * 10)) busy=
    for port in $(seq "$base" $((base + 5))); do
      (: <"/dev/tcp/$address/$port") 2>/dev/null && busy=yes
    done
    [ -n "$busy" ] || { echo "$base"; return; }
  done
  fail "no six successive free ports between 20000 and 32000. Hint: set SLURM_BASE_PORT"
}

write_slurm_conf() {
  local address=$1 base=$2 accounting=$3
  sed -e "s|@folder@|$folder|g; s|@host@|$(hostname)|g; s|@address@|$address|g; s|@port@|$base|g" \
    -e "s|@port2@|$((base + 2))|g; s|@port5@|$((base + 5))|g; s|@requeue_delay@|${SLURM_REQUEUE_DELAY:-5}|g" \
    "$(dirname "$0")/slurm_cluster.conf" >"$folder/slurm.conf"
  if [ "$accounting" = yes ]; then
    printf '%s\n' AccountingStorageType=accounting_storage/slurmdbd AccountingStorageHost="$address" \
      AccountingStoragePort=$((base + 1)) AccountingStoragePass="$folder/munge.socket" >>"$folder/slurm.conf"
  else
    echo AccountingStorageType=accounting_storage/none >>"$folder/slurm.conf"
  fi
  printf '%s\n' "${SLURM_EXTRA_CONF-}" >>"$folder/slurm.conf"
}

start_accounting() {
  local address=$1 base=$2 install server client dbd sacctmgr
  install=$(program mariadb-install-db mariadb-server)
  server=$(program mariadbd mariadb-server)
  client=$(program mariadb-admin mariadb-client)
  dbd=$(program slurmdbd slurmdbd)
  sacctmgr=$(program sacctmgr slurm-client)
  [ -d "$folder/mariadb/mysql" ] ||
    "$install" --no-defaults --user=root --datadir="$folder/mariadb" --auth-root-authentication-method=normal \
      --skip-test-db --skip-name-resolve >"$folder/log/mariadb-install.out" 2>&1 ||
    fail "mariadb-install-db failed. Hint: see $folder/log/mariadb-install.out"
  # What a crash may lose does not matter here: no fsync per commit.
  start_daemon mariadb "$server" --no-defaults --user=root --datadir="$folder/mariadb" --skip-networking \
    --socket="$folder/mariadb.socket" --pid-file="$folder/mariadb.pid" --innodb-buffer-pool-size=64M \
    --innodb-flush-log-at-trx-commit=0 --innodb-lock-wait-timeout=900 --log-error="$folder/log/mariadb.log"
  cat >"$folder/slurmdbd.conf" <<CONF
DbdHost=localhost
DbdAddr=$address
DbdPort=$((base + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
PidFile=$folder/slurmdbd.pid
LogFile=$folder/log/slurmdbd.log
CONF
  chmod 600 "$folder/slurmdbd.conf"
  wait_until 20 MariaDB "$client" --no-defaults --socket="$folder/mariadb.socket" --user=root ping
  export MYSQL_UNIX_PORT=$folder/mariadb.socket
  start_daemon slurmdbd "$dbd" -D
  wait_until 20 slurmdbd cluster_is_known "$sacctmgr"
}

cluster_is_known() { "$1" --noheader show clusters | grep -q ressenti || "$1" --immediate add cluster ressenti; }

start_node() { start_daemon "slurmd-$1" "$(program slurmd slurmd)" -D -N "$1" -f "$folder/slurm.conf"; }

four_idle() { [ "$(sinfo --noheader --Node --partition=main --states=idle --format=%N | wc -l)" = 4 ]; }

start() {
  local accounting=yes address base munged ctld node
  [ "${1-}" != --no-accounting ] || { accounting=no; shift; }
  [ "$(id -u)" = 0 ] || fail "starting slurmd takes root. Hint: sudo $0 start"
  munged=$(program munged munge)
  ctld=$(program slurmctld slurmctld)
  program slurmd slurmd >/dev/null
  program sinfo slurm-client >/dev/null
  program ss iproute2 >/dev/null
  address=$(loopback_address)
  folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/slurm.XXXXXX")}
  mkdir -p "$folder"
  folder=$(realpath "$folder")
  # A socket's path has at most 107 bytes; the longest here is FOLDER/spool/node1/node1_JOB.STEP.
  [ ${#folder} -le 70 ] || fail "the path $folder is too long for sockets (70 bytes). Hint: take a shorter FOLDER"
  [[ $folder =~ ^[A-Za-z0-9._/-]+$ ]] || fail "the path $folder has characters that slurm.conf does not take"
  [ ! -e "$folder/pid" ] || fail "$folder already holds a cluster. Hint: $0 stop $folder"
  chmod 755 "$folder" # munged wants its socket reachable, and no folder above writable by others
  mkdir -p "$folder"/{log,pid,state} "${nodes[@]/#/$folder/spool/}"
  base=${SLURM_BASE_PORT:-$(free_ports "$address")}
  trap stop EXIT # from here on something may be running
  write_slurm_conf "$address" "$base" "$accounting"
  export SLURM_CONF=$folder/slurm.conf
  (umask 077; head -c 128 /dev/urandom >"$folder/munge.key")
  start_daemon munged "$munged" --foreground --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed"
  [ $accounting = no ] || start_accounting "$address" "$base"
  start_daemon slurmctld "$ctld" -D -f "$folder/slurm.conf"
  for node in "${nodes[@]}"; do start_node "$node"; done
  wait_until 30 "a Slurm of four idle nodes" four_idle
  trap - EXIT
  [ -n "${1-}" ] || touch "$folder/temporary"
  print_env
}

print_env() { echo "export SLURM_CONF=$folder/slurm.conf"; }

# open FOLDER: the cluster that the other commands are about.
open() {
  folder=${1:-$(dirname "${SLURM_CONF:-.}")}
  [ -d "$folder/pid" ] || fail "no cluster of this script in $folder. Hint: $0 start, then export SLURM_CONF as it says"
  folder=$(realpath "$folder")
  export SLURM_CONF=$folder/slurm.conf
}

status() {
  local record name pid all_run=0
  for record in "$folder"/pid/*; do
    name=${record##*/}
    pid=$(running "$name") || { pid='not running'; all_run=1; }
    printf '%-14s %s\n' "$name" "$pid"
  done
  sinfo --Node --partition=main --format='%N %T %C %e %E' || all_run=1
  squeue --format='%i %j %T %M %N %r' || all_run=1
  return $all_run
}

# The job step managers of a node: whoever listens on a socket in its spool folder.
step_managers() {
  ss --listening --unix --processes --no-header | grep -F " $folder/spool/$1/" | grep -o 'pid=[0-9]*' |
    cut -d = -f 2 || true
}

all_step_managers() { for node in "${nodes[@]}"; do step_managers "$node"; done; }

# kill_tree PID...: kill -9 of processes and all their descendants, parents first.
kill_tree() {
  local pid children
  for pid in "$@"; do
    children=$(ps -o pid= --ppid "$pid" || true)
    kill -9 "$pid" 2>/dev/null || true
    # shellcheck disable=SC2086 # a list of numbers
    kill_tree $children
  done
}

known_node() { [ -f "$folder/pid/slurmd-$1" ] || fail "no node '$1' in $folder. Hint: one of ${nodes[*]}"; }

# Like a node that loses its power: no message is sent, no job is told. Slurm sees it after 16 s (SlurmdTimeout).
lose() {
  local pid
  known_node "$1"
  pid=$(running "slurmd-$1") || fail "$1 is lost already. Hint: $0 return $1 $folder"
  # shellcheck disable=SC2046 # lists of numbers
  kill_tree "$pid" $(step_managers "$1")
}

return_node() {
  known_node "$1"
  ! running "slurmd-$1" >/dev/null || fail "$1 is running. Hint: $0 lose $1 $folder"
  start_node "$1"
}

# end NAME: ends a recorded daemon, if it runs, and waits until it is gone.
end() {
  local pid tries=150
  if pid=$(running "$1"); then
    kill "$pid"
    while running "$1" >/dev/null; do
      sleep 0.1
      ((tries-- > 0)) || { say "$1 (process $pid) does not end within 15 s: kill -9"; kill -9 "$pid" || true; }
    done
  fi
  rm -f "$folder/pid/$1"
}

# stop: cancels the jobs and gives them KillWait (5 s) and a little more; then ends all daemons.
stop() {
  local node user until=$((SECONDS + 8))
  if running slurmctld >/dev/null; then
    for user in $(timeout 5 squeue --noheader --format=%u 2>/dev/null | sort -u); do
      timeout 20 scancel --user="$user" || true
    done
    while [ -n "$(all_step_managers)" ] && ((SECONDS < until)); do sleep 0.1; done
  fi
  for node in "${nodes[@]}"; do end "slurmd-$node"; done
  end slurmctld
  # Processes that remain if the controller or a node was lost.
  # shellcheck disable=SC2046 # a list of numbers
  kill_tree $(all_step_managers)
  end slurmdbd
  end mariadb
  end munged
  rmdir "$folder/pid"
  if [ -e "$folder/temporary" ]; then rm -rf "$folder"; else say "stopped; logs and state are left in $folder"; fi
}

case ${1-} in
  start) shift; start "$@" ;;
  env) open "${2-}"; print_env ;;
  status) open "${2-}"; status ;;
  stop) open "${2-}"; stop ;;
  lose) open "${3-}"; lose "${2-}" ;;
  return) open "${3-}"; return_node "${2-}" ;;
  *) usage ;;
esac
