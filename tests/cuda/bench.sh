#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limn-cli bench on a card: nothing of how fast, whether its rows are there and right.
# usage: bench.sh LIMN_CLI
failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cli=$(realpath "$1")
cd "$folder" || exit 1
export XDG_CACHE_HOME=$folder

complain() {
    echo "FAILED: $*: $(cat out err)"
    failed=1
}

measure() {
    "$cli" bench "$@" --model-shape demo --tokens 1 --seconds 0 >out 2>err
}

measure evaluation preview --backend cuda --precision f32 || complain "status $?"
grep -q 'evaluation of 1 tokens.*products.*operations.*of the device.*error' out || complain "no columns"
grep -q 'colours of a latent of 2x2 .*GB/s *error 0' out || complain "no colours"

# The library's choice: of the stand-in's proposals the last is the fastest with the right bits.
FK_SHIM_LT=1 measure gemm block --backend cuda --precision f32 --csv || complain "status $?"
[ "$(grep -c ',"cuBLASLt 13, tile 23, stages 33",3.5'$'\r''$' out)" -eq 4 ] || complain "no algorithms"
sed 's/"[^"]*"/text/g' out | awk -F, '$3 == "block" { n++; sum = $14 + $15 + $16 }
    END { exit !(n == 1 && sum > 0.99 && sum < 3) }' || complain "a block without shares"
FK_SHIM_LT=1 measure gemm --backend cuda --precision f32 || complain "status $?"
[ "$(grep -c 'cuBLASLt 13, tile 23, stages 33, 3.50 waves' out)" -eq 4 ] || complain "no algorithms"
measure gemm --backend cuda --precision f32 || complain "status $?"
! grep -q 'cuBLASLt\|waves' out || complain "a kernel of our own is no choice"

# f32 that was asked to be tf32 is held to tf32's rounding, and bf16 to its own.
FIT_CUDA_TF32=1 FK_SHIM_LT=1 measure gemm --backend cuda --precision f32 --csv || complain "status $?"
sed 's/"[^"]*"/text/g' out | awk -F, '$3 == "gemm" { n++; wide += $22 > 2e-5 && $23 == 0.005 }
    END { exit !(n == 4 && wide == 4) }' || complain "another tolerance"
FIT_CUDA_TF32=1 FK_SHIM_LT=1 measure gemm --backend cuda --precision bf16 --csv || complain "status $?"
sed 's/"[^"]*"/text/g' out | awk -F, '$3 == "gemm" { n++; wide += $23 == 0.02 }
    END { exit !(n == 4 && wide == 4) }' || complain "another tolerance"

measure interop --backend cpu && complain "a processor with textures"
grep -q 'writes no textures of OpenGL$' err && [ "$(wc -l <err)" -eq 1 ] || complain "not one sentence"

if measure interop --backend cuda --precision f32; then
    [ "$(grep -c 'mapped, copied, unmapped.*p99' out)" -eq 2 ] || complain "no textures"
    [ "$(grep -c 'downloaded, uploaded.*p99' out)" -eq 2 ] || complain "no way by the host"
    ! grep -q FAIL out || complain "other bytes"
else # no OpenGL here
    grep -qE 'without OpenGL|no OpenGL' err || complain "interop"
fi
__EGL_VENDOR_LIBRARY_DIRS=$folder measure interop --backend cuda --precision f32 && complain "a context of nothing"
[ "$(wc -l <err)" -eq 1 ] || complain "not one sentence"
exit $failed
