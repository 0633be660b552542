#!/usr/bin/env bash
# Print the tables of docs/model_card.md for the detector in the package, after recipes/build_default.sh DATA MORE WORK.
#
#   recipes/build_card.sh DATA MORE WORK
#
# Scans that are done lie below WORK/card, and the same command goes on. The card's tables came from these commands, run one by
# one. The trainings of "What was tried" are not among them.
set -euo pipefail
data=$(realpath "$1") more=$(realpath "$2") benchmarks=$(realpath "$(dirname "$0")/../benchmarks")
cd "$3" && mkdir -p card

told() { echo -e "\n## $1\n"; shift; "$@"; }
told "How it does on files that no training saw" \
    python "$benchmarks/default_detector.py" "$data" --more "$more" --limit 200 --out card/scans.csv
told "With --strict" python "$benchmarks/default_detector.py" "$data" --more "$more" --limit 20 --strict --out card/strict.csv
told "Groups of people" python "$benchmarks/people.py" "$more/utkface" --limit 3000 --out card/people.csv
told "Formats and sizes" python "$benchmarks/formats.py" "$data" --out card/formats.csv
told "Number of frames" python "$benchmarks/frames.py" "$data" --out card/frames.csv
told "Stretches" python "$benchmarks/scan_people.py" "$data/FaceForensics++" --methods Deepfakes
told "What REAL is worth" python "$benchmarks/blind_spots.py" crops/{dfdc_faces2,ciplab,generated}/manifest.csv \
    --limit 80 --out card/blind_spots.csv
for set in dfdc_faces1 ffpp; do
    telltrace predict "crops/$set/manifest.csv" --checkpoint default.safetensors --split test --out "card/$set.csv"
    told "Face crops: $set" telltrace evaluate "card/$set.csv"
done
told "Quality that counts" python "$benchmarks/quality.py" "$data" --more "$more" --limit 200
told "Audit" telltrace audit crops/{celeba,openforensics,lfw,clips,ffpp,ciplab,generated,dfdc_faces2}/manifest.csv
