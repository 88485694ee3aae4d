# SPDX-License-Identifier: Apache-2.0
# A bundle from a checkpoint and the reference's configuration.
. "${0%/*}/common.sh"

cat >tiny.yaml <<'YAML'
diffusion:
  transport: {path_type: Linear, prediction: velocity}
  network_config:
    target: fit.model.fit_model.FiT
    params:
      context_size: 64
      patch_size: 2
      in_channels: 8
      hidden_size: 64
      depth: 2
      num_heads: 2
      mlp_ratio: 4.0
      class_dropout_prob: 0.1
      num_classes: 4
      learn_sigma: false
      use_sit: true
      use_swiglu: true
      use_swiglu_large: false
      q_norm: layernorm
      k_norm: layernorm
      qk_norm_weight: false
      rel_pos_embed: rope
      abs_pos_embed: null
      adaln_type: lora
      adaln_lora_dim: 16
      ori_max_pe_len: 8
      colour: green
accelerate:
  optimizer:
    params: {weight_decay: 0}
    betas: ${tuple:0.9, 0.999}
YAML

weights=tiny/transformer.safetensors
run 0 import $weights --config tiny.yaml --autoencoder tiny/autoencoder.safetensors \
    --classes tiny/classes.txt --name Tiny --output bundle
says 'the key colour is unknown and was ignored'
prints bundle
same $weights bundle/transformer.safetensors
run 0 generate --size 64x48 --seed 2 --output a.png
run 0 generate --size 64x48 --seed 2 --steps 4 --guidance 2 --model bundle --output b.png
same a.png b.png

run 0 encode --image a.png --output noise.npy
run 0 import $weights --config tiny.yaml --output latents-only
says 'no pictures'
says 'class 0'
grep -q '	class 3' latents-only/classes.txt || complain 'classes.txt lacks class 3'

run 0 generate --size 64x48 --noise noise.npy --model latents-only --output c.png --save-latent c.npy
run 2 decode --latent c.npy --model latents-only --output bad.png
says 'no autoencoder'

run 0 import $weights --config tiny.yaml --precision bf16 --weights trained --output narrow
run 0 generate --size 64x48 --model narrow --precision bf16 --save-latent narrow.npy
[ "$(stat -c %s narrow/transformer.safetensors)" -lt "$(stat -c %s $weights)" ] ||
    complain 'bf16 is no smaller than f32'
run 2 import $weights --config tiny.yaml --weights ema --output bad
says 'holds trained (no EMA) weights only'
run 1 import $weights --config tiny.yaml --weights both --output bad

echo '<!DOCTYPE html><html><body>Not found</body></html>' >model_ema.bin
run 2 import model_ema.bin --config tiny.yaml --output bad
says '/resolve/ in place of /blob/'
run 2 import $weights --config tiny.yaml --autoencoder model_ema.bin --output bad
says 'is a web page'
printf 'PK\003\004' >model_ema.bin
run 2 import model_ema.bin --config tiny.yaml --output bad
says 'is a truncated torch checkpoint'

run 1 import $weights --config tiny.yaml --output bundle
says 'bundle: exists already'
run 1 import $weights --config fitv3 --output bad
says 'fitv2-xl'
run 2 import $weights --config fitv2-xl --output bad
says 'hidden_size: the configuration says 1152, tensor x_embedder.proj.weight shows 64'
run 2 import tiny/autoencoder.safetensors --config tiny.yaml --output bad
says 'so it is no FiT network'
run 2 import nothing.safetensors --config tiny.yaml --output bad
run 2 import $weights --config tiny.yaml --autoencoder $weights --output bad
says 'is no autoencoder that this version knows'
run 2 import $weights --config tiny.yaml --classes tiny.yaml --output bad
run 2 import $weights --config tiny.yaml --output nowhere/bad
run 1 import --config tiny.yaml --output bad
# Without a configuration the sizes have to be published ones.
run 2 import $weights --output bad
says 'none of the published sizes'
run 2 import tiny/autoencoder.safetensors --output bad
says 'it looks like an autoencoder'

# contradicts FROM TO SENTENCE: the configuration changed in one line is refused with it.
contradicts() {
    sed "s/^      $1\$/      $2/" tiny.yaml >changed.yaml
    cmp -s tiny.yaml changed.yaml && complain "$1 is not in tiny.yaml"
    run 2 import $weights --config changed.yaml --output bad
    says "$3"
}
contradicts 'hidden_size: 64' 'hidden_size: 128' 'says 128, tensor x_embedder.proj.weight shows 64'
contradicts 'depth: 2' 'depth: 3' 'depth: the configuration says 3'
contradicts 'num_classes: 4' 'num_classes: 1000' 'num_classes: the configuration says 1000'
contradicts 'adaln_lora_dim: 16' 'adaln_lora_dim: 8' 'adaln_lora_dim: the configuration says 8'
contradicts 'in_channels: 8' 'in_channels: 4' 'says 16'
contradicts 'mlp_ratio: 4.0' 'mlp_ratio: 2.0' 'SwiGLU: the configuration says 85'
contradicts 'use_swiglu_large: false' 'use_swiglu_large: true' 'says 256'
contradicts 'use_sit: true' 'use_sit: false' 'learn_sigma: expected true'
contradicts 'learn_sigma: false' 'learn_sigma: true' 'learn_sigma: expected false'
contradicts 'adaln_type: lora' 'adaln_type: swiglu' 'adaln_type: expected lora or normal'
contradicts 'adaln_type: lora' 'adaln_type: normal' 'the configuration says normal'
contradicts 'q_norm: layernorm' 'q_norm: null' 'k_norm: expected null'
contradicts 'depth: 2' 'depth: two' 'depth: expected a number, found two'
contradicts 'depth: 2' 'depth: [2]' 'found a list'
contradicts 'depth: 2' '' 'depth: expected a whole number, found nothing'
contradicts 'num_heads: 2' 'num_heads: 7' 'a head must be a multiple of 4'
absent bad
leavings=$(ls -d ./*.?????? 2>/dev/null)
[ -z "$leavings" ] || complain "left behind: $leavings"
exit $failed
