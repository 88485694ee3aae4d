# SPDX-License-Identifier: Apache-2.0
# From a folder of pictures to a model that paints.
. "${0%/*}/common.sh"

for class in 3 7; do
    mkdir -p "set/Class $class"
    for seed in 1 2 3 4; do
        run 0 render --class $class --seed $seed --size $((32 + 16 * seed))x48 \
            --output "set/Class $class/$seed.png"
    done
done
echo 'not a picture' >'set/Class 7/notes.txt'
cat >run.yaml <<'YAML'
name: Mine
autoencoder: tiny/autoencoder.safetensors
model: {hidden: 64, depth: 2, heads: 2, mlp_hidden: 170, lora_rank: 16}
data: {source: pictures, folder: set, shapes: {32: 1}}
batch: {tokens: 16}
schedule: {steps: 4}
run: {log_every: 1, sheet_steps: 2, validate_every: 2}
YAML

run 0 train run.yaml --dry-run --out run
prints '2 classes, 8 pictures'
prints 'a step takes'
absent run
run 0 train run.yaml --out run
says 'notes.txt: is neither a PNG nor a JPEG nor a WebP picture'
says '1 picture was left out'
present run/log.csv
present run/loss.png
present run/sheets/step-000000004.png
model=run/checkpoints/step-000000004
printf '0\tClass 3\t\t\t\n1\tClass 7\t\t\t\n' >expected
same expected $model/classes.txt
run 0 generate --model $model --class 'Class 7' --size 32x32 --steps 2 --output painted.png
present painted.png
mkdir 'set/Class 9'
run 1 train run.yaml --out run --resume
says 'was trained on 2 classes'
says 'set has 3'
echo 'model: {n_classes: 2}' >>run.yaml
run 1 train run.yaml --out other
says 'has 3 classes, model.n_classes is 2'
absent other
no_leavings
exit $failed
