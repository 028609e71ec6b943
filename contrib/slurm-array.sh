#!/bin/sh
# A campaign as a Slurm job array: one task a shard.
#
#   swaplab campaign plan campaigns/soak.toml --out plan.jsonl
#   sbatch --array=1-64 contrib/slurm-array.sh plan.jsonl results
#   swaplab campaign merge results/shard-*.jsonl --out soak.jsonl      # once the array is done
#
# A task that is requeued goes on with its file. SWAPLAB names the program, ENGINE the engine.
#SBATCH --job-name=swaplab
#SBATCH --requeue
#SBATCH --open-mode=append
set -u
plan=$1
folder=$2
mkdir -p "$folder"
"${SWAPLAB:-swaplab}" campaign run "$plan" --engine "${ENGINE:-kvm}" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --resume --out "$folder/shard-$SLURM_ARRAY_TASK_ID.jsonl"
code=$?
# A finding is a result: the task has done its work. The report says what was found.
[ "$code" -eq 1 ] && exit 0
exit "$code"
