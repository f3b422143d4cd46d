#!/usr/bin/env bash
# tools/fetch_data.sh copies from a mirror, keeps only files with the right checksum, and does nothing twice.
set -u
fetch=$PWD/tools/fetch_data.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
status=0

# expect CODE PART COMMAND...: its exit code, and a part of the one line it says.
expect() {
  local code=$1 part=$2 said
  shift 2
  said=$("$@" 2>&1)
  local got=$?
  if [ $got != "$code" ] || [[ $said != *"$part"* ]] || [ "$(wc -l <<<"$said")" != 1 ]; then
    echo "$*: exit $got, said '$said'; expected exit $code and '$part'"
    status=1
  fi
}

mkdir mirror
echo one >mirror/first.gz
echo two | gzip >mirror/second.txt.gz
{ echo one | sha256sum | sed 's/-$/first.gz/'; echo two | sha256sum | sed 's/-$/second.txt/'; } >sums
from_mirror=("$fetch" mnist out --mirror mirror --checksums sums)

expect 0 "2 files in out, 2 of them new" "${from_mirror[@]}"
[ "$(cat out/first.gz out/second.txt)" = "one
two" ] || { echo "the copies differ"; status=1; }
expect 0 "2 files in out, 0 of them new" "${from_mirror[@]}"
echo spoiled >out/first.gz
expect 0 "2 files in out, 1 of them new" "${from_mirror[@]}"

echo changed >mirror/first.gz
rm out/first.gz
expect 1 "first.gz is not the published file" "${from_mirror[@]}"
[ ! -e out/first.gz ] && [ ! -e out/first.gz.partial ] || { echo "a wrong file was kept"; status=1; }
rm mirror/first.gz
expect 1 "mirror has no first.gz" "${from_mirror[@]}"
expect 1 "has no train-images" "$fetch" mnist --mirror mirror
expect 1 "has no ddg_" "$fetch" structures --mirror mirror

expect 2 "say what to get" "$fetch"
expect 2 "proteins is not known" "$fetch" proteins
expect 2 "no folder" "$fetch" mnist --mirror nowhere
expect 2 "cannot be read" "$fetch" mnist --mirror mirror --checksums nowhere
expect 2 "--colour is not known" "$fetch" mnist --colour
expect 2 "needs a value" "$fetch" mnist --mirror
exit $status
