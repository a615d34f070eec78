# shellcheck shell=bash
# What scripts/vm boots: Debian's kernel and a small initramfs, and whether KVM can run it. To be sourced by scripts/vm.
# shellcheck disable=SC2154 # cache, kernel, version, run and MACHINE are the caller's

# What it takes to mount the host's root; all others are loaded from there.
readonly BOOT_MODULES=(virtio_pci 9pnet_virtio 9p overlay)

# Debian's generic kernel, unpacked, not installed. The cloud flavour has no 9p.
fetch_kernel() {
  local folder name
  step "Fetching Debian's kernel" >&2
  rm -rf "$cache"/new.*
  folder=$(mktemp -d "$cache/new.XXXXXX")
  if ! download_kernel "$folder"; then
    # The lists of a fresh machine are empty or old.
    apt-get update -q </dev/null >/dev/null
    download_kernel "$folder" || die "cannot download linux-image-amd64: $(tail -n 1 "$folder/log")"
  fi
  dpkg-deb -x "$folder"/*.deb "$folder"
  name=$(ls "$folder/lib/modules")
  depmod -b "$folder" "$name"
  unpack_vmlinux "$folder/boot/vmlinuz-$name" >"$folder/vmlinux"
  rm -rf "$folder"/*.deb "${folder:?}/boot" "${folder:?}/usr" "${cache:?}/$name"
  mv "$folder" "$cache/$name"
  echo "$name" >"$cache/current"
}

# linux-image-amd64 is empty and depends on the newest kernel's package.
download_kernel() {
  local package
  package=$(apt-cache depends linux-image-amd64 2>"$1/log" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
  [[ -n $package ]] && (cd "$1" && apt-get download -q "$package" >log 2>&1)
}

# Unpacked once here, which takes every emulated guest seconds. The boot protocol (Documentation/arch/x86/boot.rst): sectors of
# set-up code at 0x1f1, the payload's offset behind them at 0x248, its length at 0x24c with the unpacked size, 4 bytes, at its end.
unpack_vmlinux() {
  local sectors offset length
  sectors=$(od -An -tu1 -j $((0x1f1)) -N1 "$1")
  offset=$(($(od -An -tu4 -j $((0x248)) -N4 "$1") + (sectors + 1) * 512))
  length=$(od -An -tu4 -j $((0x24c)) -N4 "$1")
  head -c $((offset + length - 4)) "$1" | tail -c +$((offset + 1)) | xz -dc
}

# A few modules and scripts/vm-boot, which mounts the host's root.
make_initramfs() {
  local root=$run/initramfs module
  mkdir -p "$root"/{bin,dev,proc,modules,lower,over,root}
  cp "$(command -v busybox)" "$root/bin/busybox"
  cp scripts/vm-boot "$root/init"
  for module in "${BOOT_MODULES[@]}"; do
    modprobe -d "$kernel" -S "$version" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r module; do
    cp "$module" "$root/modules/"
    echo "${module##*/}" >>"$root/modules/order"
  done
  (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$run/initrd"
  rm -rf "$root"
}

# A guest may spin for ever on a /dev/kvm that can be opened: only a boot tells. The answer holds until the host boots again.
choose_accel() {
  local answer
  answer=$cache/accel-$(cat /proc/sys/kernel/random/boot_id)-$version
  if [[ ! -s $answer ]]; then
    rm -f "$cache"/accel-*
    if [[ -w /dev/kvm ]] && try_kvm; then echo kvm; else echo tcg; fi >"$run/accel"
    mv "$run/accel" "$answer"
  fi
  cat "$answer"
}

try_kvm() (
  ulimit -c 0
  timeout --signal=KILL 10 qemu-system-x86_64 "${MACHINE[@]}" -M q35 -accel kvm -cpu host -m 512 \
    -kernel "$kernel/vmlinux" -initrd "$run/initrd" -append 'console=ttyS0 reboot=t panic=-1 csilocal.trial' \
    -serial "file:$run/trial" </dev/null >/dev/null 2>&1
  grep -q 'csilocal-vm: trial' "$run/trial" 2>/dev/null
) 2>/dev/null # where bash announces a QEMU that aborted
