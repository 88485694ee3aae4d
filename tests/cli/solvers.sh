# SPDX-License-Identifier: Apache-2.0
# Every setting of a solver: from the command line into the picture, and back by verify.
. "${0%/*}/common.sh"

# plain ARGUMENT...: what the settings are compared with.
plain() { run 0 generate --size 192x32 --seed 3 -o plain.png --save-latent plain.npy "$@"; }

# setting VALUE KEY ARGUMENT...: the picture records it, verifies, and has other values.
setting() {
    local value=$1 key=$2
    shift 2
    run 0 generate --size 192x32 --seed 3 -o set.png --save-latent set.npy --json "$@"
    json "$value" 0 "$key"
    differ set.npy plain.npy
    run 0 verify set.png
    prints 'the same'
}

plain --solver dopri5
setting 0.25 atol --solver dopri5 --atol 0.25
setting 0.125 rtol --solver dopri5 --rtol 0.125
# Here both halves have one error: this model's guidance leaves out no channel.
run 0 generate --solver dopri5 --error-norm coupled -o set.png --json
json coupled 0 error_norm

for solver in sde-euler sde-heun; do
    plain --solver $solver
    setting constant diffusion --solver $solver --diffusion constant
    setting decreasing diffusion --solver $solver --diffusion decreasing
    setting increasing-decreasing diffusion --solver $solver --diffusion increasing-decreasing
    setting 0.5 diffusion_norm --solver $solver --diffusion-norm 0.5
    setting 0.125 last_step_size --solver $solver --last-step-size 0.125
    setting euler last_step --solver $solver --last-step euler
    run 1 generate --solver $solver --diffusion sbdm --output bad.png
    says 'sbdm'
done

plain
setting 2.0 time_shift --time-shift 2
setting torch noise --noise-source torch
plain --extrapolation vision-ntk
setting 2 ori_max_pe_len --extrapolation vision-ntk --ori-max-pe-len 2
plain --extrapolation vision-ntk-pro1
setting paper attention_scale --extrapolation vision-ntk-pro1 --attention-scale paper
plain --solver sde-euler
setting none last_step --solver sde-euler --last-step none
run 1 generate --solver sde-heun --last-step none -o bad.png
says 'sde-heun needs one'

# A solver's own settings are checked by it, and solvers of the first version are for its models.
run 1 generate --rtol 2 --output bad.png
says '--rtol: expected a number'
run 1 generate --solver ddpm --output bad.png
says 'ddpm is not for a FiTv2 model'
run 1 generate --diffusion sideways --output bad.png
says 'expected one of sigma'
run 1 generate --ori-max-pe-len 4000 --output bad.png
says 'expected 1 to 256'
run 1 generate --v1-clamp=yes --output bad.png
says 'takes no value'
absent bad.png

# A short spelling; velocity has the settings of positions.
run 0 generate --size 48x32 -o short.png
present short.png
run 1 generate --size 48x32 -o
says 'needs a value'
run 1 generate -x
says 'unknown'
run 0 generate --size 192x32 --save-latent z.npy -o z.png
run 0 velocity --latent z.npy --time 0.5 --extrapolation vision-ntk-pro1 -o code.npy
run 0 velocity --latent z.npy --time 0.5 --extrapolation vision-ntk-pro1 \
    --attention-scale paper -o paper.npy
differ code.npy paper.npy
run 0 velocity --latent z.npy --time 0.5 --extrapolation vision-ntk -o all.npy
run 0 velocity --latent z.npy --time 0.5 --extrapolation vision-ntk --ori-max-pe-len 2 -o two.npy
differ all.npy two.npy
run 1 velocity --latent z.npy --time 2 -o bad.npy
absent bad.npy
exit $failed
