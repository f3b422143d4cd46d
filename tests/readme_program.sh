#!/usr/bin/env bash
# The README's program compiles as it stands.
set -e
{ cat <<'HEAD'
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "graph/batch.h"
#include "graph/dataset.h"
#include "nn/optimizer.h"
#include "nn/tri_gcn.h"
using namespace heartbeat;
HEAD
  sed -n '/^```cpp$/,/^```$/p' README.md | sed '1d;/^```$/,$d'; } | g++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I. -x c++ -
