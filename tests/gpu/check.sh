#!/usr/bin/env bash
# Trains the flowers notebook's program on the GPU and on the CPU, measures both phases beside PyTorch, and prints a table.
# Without a GPU it says so, and does the CPU's half. Under 6 minutes, when the programs are built.
#
#     bash tests/gpu/check.sh --build    # compile, before a GPU is paid for; the programs are in out/gpu/programs
#     bash tests/gpu/check.sh
#
# A machine without Rust can run the programs that another one has built for it: this folder with out/gpu/programs is
# enough there, with the same version of libtorch at LIBTORCH (that of a Python with torch will do).
#
# LIBTORCH            a libtorch with CUDA; by default what make has written into .cargo/config.toml
# HERBARIUM_EPOCHS    epochs of the program's two phases: 4,3
# HERBARIUM_PEER_PYTHON   a Python with torch: python3, where that has it
set -euo pipefail
cd "$(dirname "$0")/../.."
export HERBARIUM_EPOCHS="${HERBARIUM_EPOCHS:-4,3}" HERBARIUM_OFFLINE=1
out=out/gpu
mkdir -p "$out"
started=$SECONDS

if [ -z "${LIBTORCH:-}" ] && [ -f .cargo/config.toml ]; then
    LIBTORCH=$(sed -n 's/^LIBTORCH = "\(.*\)"$/\1/p' .cargo/config.toml)
fi
[ -d "${LIBTORCH:-}/lib" ] || { echo "There is no libtorch: HERBARIUM_CUDA=1 make libtorch, or set LIBTORCH."; exit 1; }
export LIBTORCH
version=$(sed 's/+.*//' "$LIBTORCH/build-version" 2> /dev/null || true)
[ -n "$version" ] || version=$(sed -n "s/^__version__ = '\([0-9.]*\).*/\1/p" "$LIBTORCH/version.py" 2> /dev/null || echo unknown)
features=()
if [ "$version" != 2.13.0 ]; then
    echo "libtorch is $version, not 2.13.0: tch is built against it at your own risk, without torch-c10d."
    export LIBTORCH_BYPASS_VERSION_CHECK=1
    features=(--no-default-features)
fi
programs=$out/programs
build() {
    cargo build --release "${features[@]}" --example tutorial
    cargo bench "${features[@]}" --bench gpu --no-run --message-format=json > "$out/bench.json"
    bench=$(sed -n 's/.*"name":"gpu".*"executable":"\([^"]*\)".*/\1/p' "$out/bench.json")
    target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    mkdir -p "$programs"
    install -s "$target/release/examples/tutorial" "$bench" "$programs"
    mv "$programs/$(basename "$bench")" "$programs/gpu"
}
if [ "${1:-}" = --build ]; then
    build
    echo "Built in $((SECONDS - started)) s."
    exit 0
fi
if command -v cargo > /dev/null; then
    build > "$out/build.log" 2>&1 || { tail -20 "$out/build.log"; exit 1; }
elif [ ! -x "$programs/gpu" ]; then
    echo "There is no cargo on this machine, and no out/gpu/programs: build them on another one, with --build."
    exit 1
fi
export LD_LIBRARY_PATH="$LIBTORCH/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

card=$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2> /dev/null | head -1 || true)
if [ -n "$card" ]; then
    echo "The GPU is $card."
    devices=(cuda cpu)
else
    echo "No GPU: nvidia-smi shows none. Only the CPU's half is checked."
    devices=(cpu)
fi
peer=${HERBARIUM_PEER_PYTHON:-python3}
if ! "$peer" -c 'import torch' 2> /dev/null; then
    echo "No PyTorch: $peer has no torch (HERBARIUM_PEER_PYTHON names a Python that has it). Nothing is compared with it."
    peer=
fi

# An empty list hides the GPUs.
with_device() { if [ "$1" = cpu ]; then CUDA_VISIBLE_DEVICES= "${@:2}"; else "${@:2}"; fi; }
for device in "${devices[@]}"; do
    echo "The flowers program on the $device, $HERBARIUM_EPOCHS epochs"
    mkdir -p "$out/$device"
    begun=$SECONDS
    with_device "$device" timeout 150 "$programs/tutorial" "$out/$device" > "$out/$device/tutorial.txt" ||
        { tail -5 "$out/$device/tutorial.txt"; echo "It failed on the $device, or took more than 150 s."; exit 1; }
    echo $((SECONDS - begun)) > "$out/$device/seconds"
    echo "Both phases on noise, on the $device"
    with_device "$device" timeout 150 "$programs/gpu" "$device" > "$out/$device/ours.jsonl"
    : > "$out/$device/peer.jsonl"
    [ -z "$peer" ] || with_device "$device" timeout 100 "$peer" tests/gpu/peer.py "$device" > "$out/$device/peer.jsonl"
done
echo "Two processes that train together, on the ${devices[0]}"
for rank in 1 0; do
    RANK=$rank LOCAL_RANK=$rank WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29533 HERBARIUM_DISTRIBUTED_TIMEOUT=60 \
        OMP_NUM_THREADS=1 timeout 100 "$programs/gpu" rank >> "$out/${devices[0]}/ours.jsonl" &
done
wait
python3 tests/gpu/table.py "$out" "${card:-no GPU}" "$version" "${devices[@]}"
echo "It took $((SECONDS - started)) s."
