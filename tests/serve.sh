#!/usr/bin/env bash
# heartbeat serve: what it answers, what it refuses, how fast news arrive. No browser needed.
exec python3 "$(dirname "$0")/support/serve_check.py"
