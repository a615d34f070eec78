# shellcheck shell=bash
# A client of scripts/soak: random commands until there is a file `stop`. Sourced by it.
# shellcheck disable=SC2154

# call CODES COMMAND...: one command, whose exit code is to be one of CODES (a pattern). 8: the daemon was killed meanwhile.
call() {
  local expected=$1 code=0 from=$SECONDS
  shift
  "$binary" "$@" --timeout 60s >"$answers.out" 2>&1 </dev/null || code=$?
  echo "$code" >>"$answers.codes"
  [[ $code =~ ^($expected|8)$ ]] || echo "exit code $code: csilocal $*: $(tail -n 1 "$answers.out")" >>"$answers.bad"
  ((SECONDS - from < 55)) || echo "took $((SECONDS - from)) s: csilocal $*: $(tail -n 1 "$answers.out")" >>"$answers.bad"
  return 0
}
# One that goes away before it has its answer.
give_up() {
  timeout --signal=KILL "0.0$((RANDOM % 9 + 1))" "$binary" "$@" >/dev/null 2>&1 </dev/null || true
}

client() { # NUMBER
  local number=$1 answers=$work/answers/$1 volume snapshot path pool form sizes=(16Mi 32Mi 64Mi 100Mi) size
  RANDOM=$((seed + number))
  while [[ ! -e $work/stop ]]; do
    # Half of the time one of a few that all want, else one of its own.
    volume=v$((RANDOM % 8))
    [[ $((RANDOM % 2)) == 0 ]] || volume=own-$number-$((RANDOM % 3))
    snapshot=$volume-s$((RANDOM % 2))
    path=$work/mnt/$volume-$((RANDOM % 2))
    pool=$([[ $((RANDOM % 3)) == 0 ]] && echo folders || echo images)
    size=${sizes[RANDOM % 4]}
    form=()
    case $pool$((RANDOM % 4)) in
      images0) form=(--block) ;;
      images1) form=(--fs xfs) size=300Mi ;;
    esac
    # 2: of another kind than its source, which was made anew meanwhile; 3: not there, 4: there and another one, 5: no room, 6: in use, 7: busy.
    case $((RANDOM % 24)) in
      0 | 1 | 2 | 3) call '0|[4567]' volume create "$volume" --pool "$pool" --size "$size" ${form[@]+"${form[@]}"} ;;
      4 | 5 | 6 | 7) call '0|[34567]' volume mount "$volume" "$path" ;;
      8) call '0|[34567]' volume mount "$volume" "$path" --read-only ;;
      9 | 10 | 11) call '0|[3567]' volume unmount "$volume" ;;
      12) call '0|[3567]' volume unmount "$volume" "$path" ;;
      13) call '0|[34567]' volume expand "$volume" "${sizes[RANDOM % 4]}" ;;
      14) call '0|[34567]' snapshot create "$volume" "$snapshot" ;;
      15) call '0|[234567]' snapshot restore "$snapshot" "$volume-restored" ;;
      16) call '0|[234567]' volume clone "$volume" "$volume-clone" ;;
      17) call '0|[3567]' volume delete --yes "$volume" ;;
      18) call '0|[3567]' volume delete --yes "$volume-clone" "$volume-restored" ;;
      19) call '0|[3567]' snapshot delete --yes "$snapshot" ;;
      20) reads "$volume" ;;
      21 | 22) nonsense "$volume" ;;
      23)
        give_up volume create "$volume" --size "$size"
        give_up volume mount "$volume" "$path"
        give_up volume unmount "$volume"
        give_up volume delete --yes "$volume"
        ;;
    esac
  done
}

reads() { # VOLUME
  case $((RANDOM % 5)) in
    0) call '0' volume list ;;
    1) call '0|3' volume show "$1" ;;
    2) call '0' snapshot list ;;
    3) call '0' pool list ;;
    4) call '0' task list ;;
  esac
}

# What is refused, whatever there is. 3 where the volume is looked up first.
nonsense() { # VOLUME
  case $((RANDOM % 12)) in
    0) call 2 volume create "$1-x" --size 0 ;;
    1) call 2 volume create "$1-x" --size 16Mi --pool nowhere ;;
    2) call 2 volume create "$1-x" --size 16Mi --fs vfat ;;
    3) call 2 volume create "$(printf 'n%.0s' {1..300})" --size 16Mi ;;
    4) call 2 volume create "$1-x" --size 16Mi --param nonsense=1 ;;
    5) call '2|5' volume create "$1-x" --size 32Ei ;;
    6) call '[2367]' volume mount "$1" /etc/csilocal-soak ;;
    7) call '[2367]' volume mount "$1" "$work/images/here" ;;
    8) call '[2367]' volume mount "$1" "$work/mnt/../state/here" ;;
    9) call '[35]|0' volume delete --yes vaaaaaaaaaaaaaaaaaaaa ;;
    10) call '3' snapshot restore "no-such-snapshot" "$1-x" ;;
    11) call '[2357]' volume expand "$1" 17Ti ;;
  esac
}
