#!/usr/bin/env bash
# Makes the environment of the teacher SevenNet (MIT; its weights are in its package), which `petalite potential train`
# asks for labels. It is one of its own because SevenNet needs another e3nn than mace.
#
# Usage: tools/install_teacher.sh [FOLDER]   (.venv-teacher by default; PYTHON names the Python to make it with)
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
folder="${1:-$here/../.venv-teacher}"
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install --disable-pip-version-check --quiet \
    --constraint "$here/teacher_constraints.txt" ase numpy sevenn torch
"$folder/bin/python" -W ignore -c 'import sevenn.calculator'
echo "The teacher is installed: $folder/bin/python"
