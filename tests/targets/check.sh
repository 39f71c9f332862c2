#!/usr/bin/env bash
# `cargo check` for other systems, on this one: the helper crate and the crates below crates/ for each of TARGETS, the kernel for
# those that are Unix. libtorch is not needed (tch's feature `doc-only`), nor a C compiler for the system: tests/targets/compiler.
# A target that is not installed fails, as nothing of it was checked; with --installed it is only named.
set -euo pipefail
cd "$(dirname "$0")/../.."

TARGETS=${TARGETS:-aarch64-apple-darwin aarch64-unknown-linux-gnu x86_64-pc-windows-msvc}
compiler=$PWD/tests/targets/compiler
# What is found through it belongs to this system.
unset LIBTORCH

for target in $TARGETS; do
    if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
        echo "$target: not installed, nothing of it was checked. Run: rustup target add $target"
        [ "${1:-}" = --installed ] || exit 1
        continue
    fi
    name=${target//-/_}
    export "CC_$name=$compiler" "CXX_$name=$compiler" "AR_$name=$compiler"
    echo "$target: the helper crate, and the crates that it is built from"
    cargo check --release --quiet --target "$target" --features doc-only --workspace --exclude herbarium-kernel
    case $target in
        *windows*) echo "$target: not the kernel, which needs Unix" ;;
        *)
            echo "$target: the kernel"
            cargo check --release --quiet --target "$target" --package herbarium-kernel
            ;;
    esac
done
