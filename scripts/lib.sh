# shellcheck shell=bash
# What the scripts share. To be sourced after `set -euo pipefail`; changes to the repository's root.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
ROOT=$PWD
export ROOT
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# A build server that outlives the script would hold the terminal and, in CI, the job.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0

say() { printf '%s\n' "$*"; }
step() { printf '==> %s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  complain "$@"
  exit 1
}

# Prints the comment at the head of the calling script, which is its help.
show_help() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

is_installed() {
  [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# need_packages PACKAGE...: installs what is missing of Debian's packages, or says what to type.
need_packages() {
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  if ! command -v apt-get >/dev/null; then
    complain "missing, and not on a Debian system: ${missing[*]}"
    return 1
  fi
  if [[ $(id -u) -ne 0 ]]; then
    complain "missing packages; install them with: sudo apt-get install ${missing[*]}"
    return 1
  fi
  step "Installing ${missing[*]}"
  install_packages "${missing[@]}"
}

# In a subshell, so that its trap and its variables are its own.
install_packages() (
  export DEBIAN_FRONTEND=noninteractive
  # Nothing is started on a machine because tests run on it: 101 is how a policy forbids that (invoke-rc.d(8)).
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
  fi
  if ! apt-get install -y -q --no-install-recommends "$@" </dev/null >/dev/null 2>&1; then
    # The lists of a fresh machine are empty or old.
    apt-get update -q </dev/null >/dev/null
    apt-get install -y -q --no-install-recommends "$@" </dev/null
  fi
)

# The SDK that global.json asks for, also where it is installed but not on the path.
need_dotnet() {
  local folder
  if ! command -v dotnet >/dev/null; then
    for folder in "${DOTNET_ROOT:-}" "$HOME/.dotnet" /usr/share/dotnet /usr/lib/dotnet; do
      if [[ -n $folder && -x $folder/dotnet ]]; then
        export PATH="$folder:$PATH"
        break
      fi
    done
  fi
  if ! command -v dotnet >/dev/null || ! dotnet --version >/dev/null 2>&1; then
    complain "the .NET 10 SDK is missing; install it with:
  curl -fsSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0
and add \$HOME/.dotnet to PATH (needs the package libicu72 or InvariantGlobalization), or see https://dotnet.microsoft.com/download"
    return 1
  fi
}

# human_bytes BYTES
human_bytes() { numfmt --to=iec-i --suffix=B --format=%.1f "$1"; }
