#!/usr/bin/env bash
# Every path of the tree that the README or a chapter names exists. Paths stand in `backticks` or in (links).
status=0
while IFS= read -r file; do
  folder=$(dirname "$file")
  while IFS= read -r path; do
    path=${path%%#*}
    [ -n "$path" ] || continue
    if [ ! -e "$path" ] && [ ! -e "$folder/$path" ]; then
      echo "$file names $path, which does not exist"
      status=1
    fi
  done < <(
    { grep -oE '`(\./)?(kernels|graph|autograd|nn|tools|tests|bench|\.ci)/[A-Za-z0-9_./-]*`' "$file" | tr -d '`'
      grep -oE '\]\([^)]+\)' "$file" | sed 's/^](//; s/)$//' | grep -vE '^(https?:|#|mailto:)'; } | sort -u)
done < <(find . -name '*.md' -not -path './build/*' -not -path './runs/*')
exit $status
