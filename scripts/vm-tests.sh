# shellcheck shell=bash
# How scripts/vm prepares the vm tests for its guest. To be sourced by scripts/vm.
# shellcheck disable=SC2154,SC2034 # run, cache, build, long, filter and part are the caller's; it reads here and tests

# Builds the tests and compiles them ahead of time: an emulated processor takes half of a test run to do that just in time.
prepare_tests() {
  local built=CsiLocal.Tests/bin/Debug/net10.0 ready=artifacts/vm-tests report chosen
  need_dotnet
  if [[ $build == yes ]]; then
    step "Building the tests"
    dotnet build CsiLocal.Tests -m:1 -v quiet -nologo </dev/null
  fi
  # Of two runs side by side, the second finds it done.
  mkdir -p artifacts TestResults
  exec 8>"$ready.lock"
  flock 8
  compile_ahead "$built" "$ready" || { complain "no compiler ahead of time; the tests will start slowly"; ready=$built; }
  exec 8>&-
  report=$ROOT/TestResults/vm${part:+-${part%/*}}.xml
  rm -f "$report"
  shares+=("$ROOT/TestResults")
  here=$ROOT
  # Emulated, the two take a third of the processor time that is left: profiles, and mapping code pages twice.
  settings+=(DOTNET_EnableDiagnostics=0 DOTNET_TieredPGO=0 DOTNET_EnableWriteXorExecute=0)
  chosen=(-trait Needs=vm -trait Vm=yes)
  if [[ $long == no && -z $filter ]]; then
    chosen+=(-trait- Run=long)
    say "Tests marked Run=long are left out; scripts/vm --long runs them too."
  fi
  [[ -z $filter ]] || chosen+=(-method "*$filter*")
  if [[ -n $part ]]; then choose_part; fi
  tests=("$ROOT/$ready/CsiLocal.Tests" -noLogo -noColor -parallel none "${chosen[@]}" -xml "$report")
}

# Of the classes that are chosen, those that make up this part: each goes where the fewest tests are yet, the largest first.
choose_part() {
  local class classes
  classes=$(dotnet "$built/CsiLocal.Tests.dll" -noLogo -noColor -list tests "${chosen[@]}" </dev/null |
    sed -n 's/^\(CsiLocal\.Tests\.[A-Za-z0-9_.]*\)\.[A-Za-z0-9_]*\((.*\)\{0,1\}$/\1/p' | sort | uniq -c | sort -k1,1nr -k2 |
    awk -v part="${part%/*}" -v parts="${part#*/}" '
      { least = 1; for (i = 2; i <= parts; i++) if (sum[i] + 0 < sum[least] + 0) least = i
        sum[least] += $1; if (least == part) print $2 }')
  [[ -n $classes ]] || die "part $part of the tests is empty"
  while read -r class; do chosen+=(-class "$class"); done <<<"$classes"
}

# compile_ahead FROM TO: copies a build's output, its assemblies with native code beside their own. Only what changed.
compile_ahead() {
  local compiler name folder file target references=(-r "$1/*.dll")
  compiler=$(find_compiler) || return 1
  for name in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
    folder=$(dotnet --list-runtimes | sed -n "s/^$name \(10[^ ]*\) \[\(.*\)\]/\2\/\1/p" | sort -V | tail -n 1)
    references+=(-r "$folder/*.dll")
  done
  step "Compiling the tests ahead of time"
  mkdir -p "$2"
  while read -r file; do
    target=$2/${file#"$1"/}
    [[ ! $target -nt $file ]] || continue
    mkdir -p "${target%/*}"
    case $file in
      # Large, and hardly used here.
      */FSharp.Core.dll | */FsCheck.dll | */Microsoft.ApplicationInsights.dll) ;;
      *.dll) "$compiler" "$file" -o "$target" "${references[@]}" \
        --targetos linux --targetarch x64 -O >"$run/compiler.log" 2>&1 && continue ;;
    esac
    cp "$file" "$target"
  done < <(find "$1" -type f)
}

# NuGet's package of the ready-to-run compiler, which `dotnet restore` fetches for a project that publishes with it.
find_compiler() {
  local pattern="${NUGET_PACKAGES:-$HOME/.nuget/packages}/microsoft.netcore.app.crossgen2.linux-x64/10.*/tools/crossgen2"
  if ! compgen -G "$pattern" >/dev/null; then
    mkdir "$run/compiler"
    cat >"$run/compiler/compiler.csproj" <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <RuntimeIdentifier>linux-x64</RuntimeIdentifier>
    <SelfContained>false</SelfContained>
    <PublishReadyToRun>true</PublishReadyToRun>
  </PropertyGroup>
</Project>
PROJECT
    dotnet restore "$run/compiler" -v quiet </dev/null >&2 || return 1
  fi
  compgen -G "$pattern" | sort -V | tail -n 1
}
