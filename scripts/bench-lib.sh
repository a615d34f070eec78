# shellcheck shell=bash
# What the benchmarks share: a daemon in a folder of its own, and figures. Sourced after lib.sh, with $binary and $work set.
# shellcheck disable=SC2154

export CSILOCAL_ENDPOINT=unix://$work/csi.sock CSILOCAL_STAGING_ROOT=$work/staging
daemon=

now() { echo $((${EPOCHREALTIME/./})); } # microseconds
median() { sort -n | awk '{ v[NR] = $1 } END { if (NR % 2) print v[(NR + 1) / 2]; else print int((v[NR / 2] + v[NR / 2 + 1]) / 2) }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
row() { printf '%-52s %14s %14s %10s  %s\n' "$@"; }

start_daemon() {
  "$binary" serve --config "$work/config.yaml" --state-dir "$work/state" --node-id bench >>"$work/daemon.log" 2>&1 &
  daemon=$!
  "$binary" probe --wait 30s >/dev/null || { cat "$work/daemon.log" >&2; die "the daemon did not become ready"; }
}
stop_daemon() {
  [[ -n $daemon ]] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
  daemon=
}
driver() { # prints the run as JSON; one that failed shows its errors and ends the script
  local run
  run=$("$binary" bench --output json --staging-dir "$work/staging" --target-dir "$work/target" "$@") || {
    jq --compact-output '.errors[], .leftovers' <<<"$run" >&2
    die "a run failed: bench $*"
  }
  printf '%s\n' "$run"
}
# The medians of a run's calls that change something, added up: microseconds of one volume.
sum_of_medians() { jq '[.rpcs[] | select(.rpc | test("^(Create|Delete|NodeStage|NodeUnstage|NodePublish|NodeUnpublish)Volume$")) | .p50Ms] | add * 1000 | floor'; }

mkdir -p "$work/staging" "$work/target"
