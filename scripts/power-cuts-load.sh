# shellcheck shell=bash
# The load of scripts/test-power-cuts. Sourced by its guest's part; a worker is a process with volumes of its own.
# shellcheck disable=SC2153,SC2154,SC2034,SC2004

# try COMMAND...: a csilocal command, again while it is told that somebody else is at it. What else goes wrong is a failure, but for
# want of space.
try() {
  local code=0 tries
  for ((tries = 0; tries < 60; tries++)); do
    code=0
    csilocal "$@" >"$tmp/$worker.out" 2>"$tmp/$worker.error" || code=$?
    [[ $code == 7 ]] || break
    sleep 0.5
  done
  [[ $code == 0 || $code == 5 ]] || failure "$worker: exit code $code: csilocal $*: $(<"$tmp/$worker.error")"
  return "$code"
}
refused() { # CODE COMMAND...: what must not be done
  local code=0 expected=$1
  shift
  csilocal "$@" >/dev/null 2>"$tmp/$worker.error" || code=$?
  [[ $code == "$expected" || $code == 7 ]] || failure "$worker: exit code $code and not $expected: csilocal $*: $(<"$tmp/$worker.error")"
}

is_mounted() { [[ ${kind[$1]} == raw && -b $mnt/v/$1 || $(</proc/self/mounts) == *" $mnt/v/$1 "* ]]; }
need_mounted() { # NAME
  is_mounted "$1" && return
  try volume mount "$1" "$(path_of "$1")" || return
  check_uuid "$1"
  [[ ${have[$1/marker]-no} != - ]] || put "$1" marker
}
need_unmounted() { ! is_mounted "$1" || try volume unmount "$1"; }

# Writes new content, and says so when it is on the disk. A file is replaced as a whole, a raw volume is written in place.
put() { # NAME SLOT
  local path=$mnt/v/$1 sum file
  # Made by the host, and named by their checksums: a process here takes a tenth of a second.
  file=${contents[next]} sum=${contents[next]##*/}
  next=$(((next + 5) % ${#contents[@]}))
  log "T write $1 $2 $sum"
  if [[ $2 == raw? ]]; then
    dd if="$file" of="$path" bs="$SLOT" seek="${2#raw}" conv=fsync,notrunc status=none
  else
    dd if="$file" of="$path/$2.new" bs="$SLOT" conv=fsync status=none
    mv "$path/$2.new" "$path/$2"
    sync "$path"
  fi
  log "D write $1 $2 $sum $SLOT"
  have[$1/$2]=$sum
}
slot_to_write() { [[ ${kind[$1]} == raw ]] && echo "raw$((RANDOM % 2))" || echo data; }

forget() { unset "sort[$1]" "kind[$1]" "size[$1]" "uuid[$1]" "origin[$1]"; }

create() { # NAME
  local pool=${worker%[0-9]} bytes=$((32 << 20)) options=()
  kind[$1]=ext4
  case $pool$((RANDOM % 4)) in
    thin0 | images0 | linear0) kind[$1]=raw ;;
    thin1 | images1) kind[$1]=xfs bytes=$((300 << 20)) ;;
  esac
  [[ ${kind[$1]} == raw ]] && options=(--block) || options=(--fs "${kind[$1]}")
  log "T create $1 ${kind[$1]} $bytes"
  try volume create "$1" --pool "$pool" --size $bytes "${options[@]}" || { forget "$1"; return 0; }
  log "D create $1"
  sort[$1]=volume size[$1]=$bytes uuid[$1]=-
  need_mounted "$1" || return 0
  if [[ ${kind[$1]} == raw ]]; then
    cmp --bytes=$bytes "$(path_of "$1")" /dev/zero || failure "$1 shows old bytes"
    have[$1/raw0]=$zeros have[$1/raw1]=$zeros
    put "$1" "$(slot_to_write "$1")"
  else
    have[$1/marker]=- have[$1/data]=-
    put "$1" marker
  fi
}

copy_from() { # SOURCE NAME: restores a snapshot, or clones a volume
  local slot how=(snapshot restore)
  [[ ${sort[$1]} == snapshot ]] || how=(volume clone)
  log "T copy $2 $1 ${size[$1]}"
  try "${how[@]}" "$1" "$2" || return 0
  log "D copy $2"
  sort[$2]=volume kind[$2]=${kind[$1]} size[$2]=${size[$1]} uuid[$2]=-
  for slot in $(slots_of "$1"); do have[$2/$slot]=${have[$1/$slot]}; done
  try volume mount "$2" "$(path_of "$2")" || return 0
  check_uuid "$2"
  check "$2"
  [[ ${have[$2/marker]-no} != - ]] || put "$2" marker
}

snapshot() { # VOLUME NAME: taken while the volume is written, if it is mounted
  local slot snapshot=0 wrote=''
  log "T snap $2 $1"
  for slot in $(slots_of "$1"); do have[$2/$slot]=${have[$1/$slot]}; done
  try snapshot create "$1" "$2" &
  if is_mounted "$1"; then
    wrote=$(slot_to_write "$1")
    put "$1" "$wrote"
    have[$2/$wrote]+=,${have[$1/$wrote]}
    [[ ${kind[$1]} != raw ]] || have[$2/$wrote]+=',*'
  fi
  wait $! || snapshot=$?
  [[ $snapshot == 0 ]] || return 0
  log "D snap $2"
  sort[$2]=snapshot kind[$2]=${kind[$1]} size[$2]=${size[$1]} origin[$2]=$1
}

expand() { # VOLUME
  local bytes=$((size[$1] + (16 << 20)))
  # Blocks of a raw volume are zeroed before they are its own, which takes it out of use.
  [[ ${kind[$1]} != raw ]] || need_unmounted "$1" || return 0
  log "T expand $1 $bytes"
  try volume expand "$1" $bytes || return 0
  log "D expand $1 $bytes"
  size[$1]=$bytes
}

delete() { # NAME
  local what=${sort[$1]}
  [[ $what == snapshot ]] || need_unmounted "$1" || return 0
  log "T delete $1"
  try "$what" delete --yes "$1" || return 0
  log "D delete $1"
  forget "$1"
}

has_snapshots() { [[ " ${origin[*]} " == *" $1 "* ]]; }
own() { # volume|snapshot: names of this worker's
  local name
  for name in "${!sort[@]}"; do
    if [[ ${sort[$name]} == "$1" && $name == "$worker-"* ]]; then echo "$name"; fi
  done | LC_ALL=C sort
}

work_on() { # WORKER FIRST: the first of its contents
  local worker=$1 next=$2 number=0 volumes snapshots volume snapshot new cow=no
  journal=$logs/boot-$boot-worker-$worker
  trap 'ended "$BASH_COMMAND"' EXIT
  RANDOM=$((seed + 10#$boot + $(cksum <<<"$worker" | cut -c1-6)))
  # Copy-on-write snapshots hold their volume.
  [[ $worker != linear? ]] || cow=yes
  while true; do
    mapfile -t volumes < <(own volume)
    mapfile -t snapshots < <(own snapshot)
    number=$((number + 1)) new=$worker-$boot-$number
    if ((${#volumes[@]} < 2)); then
      create "$new"
      continue
    fi
    volume=${volumes[RANDOM % ${#volumes[@]}]}
    snapshot=
    ((${#snapshots[@]} == 0)) || snapshot=${snapshots[RANDOM % ${#snapshots[@]}]}
    case $((RANDOM % 20)) in
      0 | 1) ((${#volumes[@]} > 2)) || create "$new" ;;
      2 | 3 | 4 | 5 | 6 | 7) ! need_mounted "$volume" || put "$volume" "$(slot_to_write "$volume")" ;;
      8) need_unmounted "$volume" || true ;;
      9 | 10) has_snapshots "$volume" && [[ $cow == yes ]] || ((size[$volume] > 340 << 20)) || expand "$volume" ;;
      11 | 12 | 13) [[ $worker == raid1 ]] || ((${#snapshots[@]} > 1)) || snapshot "$volume" "$new" ;;
      14 | 15) [[ -z $snapshot ]] || ((${#volumes[@]} > 2)) || copy_from "$snapshot" "$new" ;;
      16) [[ $worker == raid1 ]] || ((${#volumes[@]} > 2)) || copy_from "$volume" "$new" ;;
      17) has_snapshots "$volume" && [[ $cow == yes ]] || ((${#volumes[@]} < 3)) || delete "$volume" ;;
      18) [[ -z $snapshot ]] || delete "$snapshot" ;;
      19)
        refused 4 volume create "$volume" --size 8Gi
        ! is_mounted "$volume" || refused 6 volume delete --yes "$volume"
        ;;
    esac
  done
}
