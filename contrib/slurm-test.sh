#!/bin/sh
# Runs the mail's campaign as a Slurm array on a loopback cluster of its own, and compares the merged
# outcomes with those of one process. Needs Debian's slurm-wlm and munge, and root for slurmd; says so
# and exits 77 where they are missing.
#
#   contrib/slurm-test.sh [path of swaplab]
set -eu
swaplab=$(realpath "${1:-target/release/swaplab}")
root=$(cd "$(dirname "$0")/.." && pwd)
for tool in slurmctld slurmd sbatch munged; do
    if ! command -v "$tool" > /dev/null; then
        echo "skipped: $tool is not installed (slurm-wlm, munge)"
        exit 77
    fi
done
if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: slurmd wants to be root"
    exit 77
fi
work=$(mktemp -d)
host=$(hostname -s)
# Two of these may run at a time.
port=$((20000 + 2 * ($$ % 5000)))
end() {
    for name in slurmd slurmctld munged; do
        [ -s "$work/$name.pid" ] || continue
        pid=$(cat "$work/$name.pid")
        kill "$pid" 2> /dev/null || continue
        # It writes its state while it ends.
        while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
    done
    rm -rf "$work"
}
trap end EXIT
mkdir -p "$work/state" "$work/spool" "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=128 count=1 2> /dev/null
chmod 600 "$work/munge/key"
chmod 700 "$work/munge"
chmod 755 "$work"
munged --force --key-file="$work/munge/key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
    --log-file="$work/munge/log" --seed-file="$work/munge/seed"
cat > "$work/slurm.conf" << CONF
ClusterName=swaplab
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SlurmctldPort=$port
SlurmdPort=$((port + 1))
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$work/slurm.conf"
slurmctld
slurmd
cd "$work"
"$swaplab" campaign plan "$root/campaigns/mail.toml" --out plan.jsonl > /dev/null
"$swaplab" campaign run plan.jsonl --engine host --out whole.jsonl > /dev/null
SWAPLAB=$swaplab ENGINE=host sbatch --wait --array=1-4 --chdir="$work" --export=ALL \
    "$root/contrib/slurm-array.sh" plan.jsonl results || { cat slurm-*.out slurmctld.log slurmd.log; exit 1; }
"$swaplab" campaign merge whole.jsonl --out whole-merged.jsonl > whole.said
"$swaplab" campaign merge results/shard-*.jsonl --out array-merged.jsonl > array.said
digest() { sed -n 's/.*results \([0-9a-f]*\) in.*/\1/p' "$1"; }
echo "one process: $(digest whole.said)"
echo "slurm array: $(digest array.said), $(ls results/shard-*.jsonl | wc -l) shards"
[ -n "$(digest whole.said)" ] && [ "$(digest whole.said)" = "$(digest array.said)" ]
echo "equal"
