#!/usr/bin/env bash
# Installs what heartbeat needs to build and test, on Debian and its kin. Elsewhere it says what is missing.
set -euo pipefail

packages="g++ cmake ninja-build ccache pkg-config git clang-format
  libopenblas-dev gemmi-dev tao-pegtl-dev libsqlite3-dev libcli11-dev libfmt-dev libspdlog-dev nlohmann-json3-dev
  zlib1g-dev libpng-dev libzip-dev libcairo2-dev fonts-dejavu-core libprotobuf-dev protobuf-compiler libboost-dev node-d3
  libcpp-httplib-dev
  libgtest-dev libbenchmark-dev
  sqlite3 python3 python3-numpy python3-venv dssp xz-utils"

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is no Debian system; install the equivalents of:" $packages >&2
  for tool in g++ cmake ninja pkg-config protoc clang-format; do
    command -v "$tool" >/dev/null || { echo "setup: $tool is missing" >&2; missing=1; }
  done
  exit "${missing:-0}"
fi

missing=""
for package in $packages; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

echo "setup: installing$missing"
as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run as root: apt-get install$missing" >&2; exit 2; }
  as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
{ $as_root apt-get update -q && $as_root apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1 || {
  tail -n 5 "$log" >&2
  echo "setup: apt-get could not install$missing; the whole log is $log" >&2
  exit 2
}
rm -f "$log"
