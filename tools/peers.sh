#!/usr/bin/env bash
# Makes a Python environment with the programs heartbeat is compared with (PyTorch, NumPy and safetensors, at the versions
# of the published figures) and with readers of what it writes: TensorBoard, and a W&B whose `sync` takes event
# files, which 0.30 no longer does. A machine that has PyTorch already uses its own. Prints the path of its python. The folder
# is the argument, else $HEARTBEAT_PEERS,
# else build/peers; a second call finds it complete and downloads nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-${HEARTBEAT_PEERS:-build/peers}}
packages="torch==2.9.1 numpy==2.2.6 safetensors==0.6.2 packaging==25.0 pillow==13.0.0 tensorboard==2.21.0 wandb==0.27.0
  torch_geometric==2.7.0"
python=$folder/bin/python
stamp=$folder/packages

if [ "$(cat "$stamp" 2>/dev/null)" = "$packages" ] && [ -x "$python" ]; then
  echo "$python"
  exit 0
fi

# A machine that has PyTorch already (one with a GPU has a build for it) need not get another.
if [ $# = 0 ] && [ -z "${HEARTBEAT_PEERS:-}" ] && python3 -c 'import torch, numpy, safetensors' 2>/dev/null; then
  command -v python3
  exit 0
fi

command -v python3 >/dev/null || { echo "peers: python3 is missing; tools/setup.sh installs it" >&2; exit 2; }
mkdir -p "$folder"
log=$folder/install.log
python3 -m venv "$folder" >"$log" 2>&1 || {
  echo "peers: python3 cannot make virtual environments here; on Debian: apt-get install python3-venv" >&2
  exit 2
}
# The CPU build of PyTorch has a local version (2.9.1+cpu), which pip prefers. Where its index is out of reach, the build
# of the default index runs on a CPU just as well; it is larger.
echo "peers: installing $packages into $folder (a gigabyte or more, minutes)" >&2
"$python" -m pip install --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu $packages >>"$log" 2>&1 || {
  echo "peers: pip could not install $packages; is there a network? The whole log is $log" >&2
  exit 2
}
echo "$packages" >"$stamp"
echo "$python"
