#!/usr/bin/env bash
# The report and the live page in a browser without a window: nothing in the console, panels drawn, counts as in the log.
exec python3 "$(dirname "$0")/support/browser_check.py"
