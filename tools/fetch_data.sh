#!/usr/bin/env bash
# Gets public data from its original home, or from a folder that has a copy, and checks every file. Nothing else in the
# project calls it: data come into a machine when its user says so.
#
#   tools/fetch_data.sh mnist [FOLDER]        the four files of MNIST, 12 MB, into data/mnist
#   tools/fetch_data.sh structures [FOLDER]   52 entries of the Protein Data Bank with SEQRES records, into data/structures
#     --mirror DIR       copy from DIR instead of the network
#     --checksums FILE   expect these sums (as sha256sum prints them) instead of the published ones
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

fail() {  # code, sentence
  echo "fetch_data: $2" >&2
  exit "$1"
}

set="" folder="" mirror="" checksums=""
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --mirror | --checksums)
      [ $# -ge 2 ] || fail 2 "$1 needs a value; see --help"
      printf -v "${1#--}" %s "$2"
      shift ;;
    -*) fail 2 "$1 is not known; see --help" ;;
    *)
      if [ -z "$set" ]; then set=$1; elif [ -z "$folder" ]; then folder=$1; else fail 2 "$1 is one word too many; see --help"; fi ;;
  esac
  shift
done

# The network's names of a file; the first that answers is taken.
addresses() {
  case $set in
    mnist) echo "https://ossci-datasets.s3.amazonaws.com/mnist/$1" "https://storage.googleapis.com/cvdf-datasets/mnist/$1" ;;
    structures) echo "https://raw.githubusercontent.com/Kortemme-Lab/ddg/master/input/pdbs/${1#ddg_}" ;;
  esac
}

case $set in
  mnist | structures) ;;
  "") fail 2 "say what to get: mnist or structures; see --help" ;;
  *) fail 2 "$set is not known; choose mnist or structures" ;;
esac
folder=${folder:-data/$set}
checksums=${checksums:-$here/data/$set.sha256}
[ -r "$checksums" ] || fail 2 "the list of checksums $checksums cannot be read; check the path"
[ -z "$mirror" ] || [ -d "$mirror" ] || fail 2 "the mirror $mirror is no folder; check the path"
mkdir -p "$folder" || fail 2 "the folder $folder cannot be made; choose another one"
if [ -z "$mirror" ] && ! command -v curl >/dev/null; then
  fail 2 "curl is missing; install it, or copy from a folder with --mirror DIR"
fi

is_right() {  # sum, file
  [ -f "$2" ] && [ "$(sha256sum <"$2" | cut -d' ' -f1)" = "$1" ]
}

# Writes the file $1 to $2; a mirror may hold it with .gz behind its name.
get() {
  if [ -n "$mirror" ]; then
    if [ -f "$mirror/$1" ]; then cp "$mirror/$1" "$2"
    elif [ -f "$mirror/$1.gz" ]; then gzip -dc "$mirror/$1.gz" >"$2"
    else fail 1 "$mirror has no $1"; fi
    return
  fi
  local address
  for address in $(addresses "$1"); do
    curl -fsSL --retry 2 --connect-timeout 20 -o "$2" "$address" && return
  done
  fail 1 "$1 could not be fetched; check the network, or copy from a folder with --mirror DIR"
}

partial=""
trap '[ -z "$partial" ] || rm -f "$partial"' EXIT
fetched=0 present=0
while read -r sum name; do
  [ -n "$name" ] || continue
  if is_right "$sum" "$folder/$name"; then
    present=$((present + 1))
    continue
  fi
  partial=$folder/$name.partial
  get "$name" "$partial"
  is_right "$sum" "$partial" ||
    fail 1 "$name is not the published file (its sha256 differs); it was not kept, get it from elsewhere with --mirror DIR"
  mv "$partial" "$folder/$name"
  fetched=$((fetched + 1))
done <"$checksums"
echo "$((fetched + present)) files in $folder, $fetched of them new, all as published"
