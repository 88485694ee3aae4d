# SPDX-License-Identifier: Apache-2.0
# What the tests of the command line share; sourced with the arguments limn-cli, tiny-model and
# json-get. They run in an empty folder of their own with the tiny model in tiny/.
cli=$(realpath "$1")
make_model=$(realpath "$2")
json_get=$(realpath "$3")
export LC_ALL=C.UTF-8
unset LIMN_MODEL FIT_BACKEND
failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
"$make_model" tiny || exit 1
export LIMN_MODEL=$folder/tiny

complain() {
    echo "FAILED: $*"
    failed=1
}

# run STATUS ARGUMENT...: limn-cli ends with that status; its output is in ./out and ./err. What
# fails says one line on stderr; nothing else is said there that is not a note.
run() {
    local want=$1 got
    shift
    "$cli" "$@" >out 2>err
    got=$?
    [ $got -eq "$want" ] || complain "limn-cli $*: status $got, expected $want: $(cat err)"
    if [ "$want" -ne 0 ] && [ "$(grep '^limn-cli' err | grep -vc '^limn-cli [a-z]*: note: ')" -ne 1 ]; then
        complain "limn-cli $*: not one sentence on stderr: $(cat err)"
    fi
}

# says TEXT: the last run's stderr has it.
says() { grep -qF -- "$1" err || complain "expected \"$1\" on stderr, found: $(cat err)"; }

# prints TEXT: the last run's stdout has it.
prints() { grep -qF -- "$1" out || complain "expected \"$1\" on stdout, found: $(cat out)"; }

# json EXPECTED KEY...: the last run printed JSON with that value there.
json() {
    local want=$1 got
    shift
    got=$("$json_get" "$@" <out) || complain "no JSON with $*: $(cat out)"
    [ "$got" = "$want" ] || complain "JSON at $*: expected $want, found $got"
}

same() { cmp "$1" "$2" || complain "$1 and $2 differ"; }
differ() { ! cmp -s "$1" "$2" || complain "$1 and $2 are the same"; }
absent() { [ ! -e "$1" ] || complain "$1 exists"; }
present() { [ -s "$1" ] || complain "$1 does not exist or is empty"; }

# No temporary file of a writer is left.
no_leavings() {
    local left
    left=$(find . -name '*.??????' ! -name '*.safetensors' | grep -E '\.(png|npy|json|safetensors)\.[A-Za-z0-9]{6}$')
    [ -z "$left" ] || complain "left behind: $left"
}
