#!/bin/busybox sh
# The init of a stock Linux whose drive's namespaces change while it runs. What it wants done it says on
# its console: `owner: WORDS` is for linux-namespaces-host.sh to do. Its driver must find out by itself:
# nobody rescans. The machine is switched off if all was right; else it exits with code 3.

bb=/bin/busybox

fail() {
    echo "linux namespaces: FAILED: $*"
    $bb dmesg | $bb grep -iE 'nvme'
    $bb printf '\003' | $bb dd of=/dev/port bs=1 seek=244 2>/dev/null
    $bb poweroff -f
}

# Waits until a command gives this.
until_is() {
    wanted=$1
    shift
    waited=0
    while found=$("$@" 2>/dev/null); [ "$found" != "$wanted" ]; do
        waited=$((waited + 1))
        [ $waited -le 600 ] || fail "$* is '$found' after 60 seconds, need '$wanted'"
        $bb usleep 100000
    done
    echo "linux namespaces: $*: $found"
}

sectors() {
    $bb cat "/sys/block/$1/size"
}

presence() {
    if [ -b "/dev/$1" ]; then echo there; else echo gone; fi
}

# Writes a MiB at its end and reads it past the page cache.
use() {
    $bb head -c 1048576 /dev/urandom >/data || fail "no data"
    last=$(($(sectors "$1") / 2048 - 1))
    $bb dd if=/data of="/dev/$1" bs=1M seek=$last oflag=direct 2>/dev/null || fail "writing to $1"
    $bb dd if="/dev/$1" bs=1M skip=$last iflag=direct 2>/dev/null | $bb cmp - /data || fail "reading from $1"
}

$bb mount -t devtmpfs dev /dev
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
for module in /modules/*; do
    $bb insmod "$module" || fail "cannot load $module"
done
until_is there presence nvme0n1
until_is 131072 sectors nvme0n1

echo "owner: add --size 32"
until_is there presence nvme0n2
until_is 65536 sectors nvme0n2
until_is 2 $bb cat /sys/block/nvme0n2/nsid
use nvme0n2

echo "owner: resize 2 --size 48"
until_is 98304 sectors nvme0n2
use nvme0n2
echo "owner: resize 2 --size 16"
until_is 32768 sectors nvme0n2
use nvme0n2
echo "owner: resize 1 --size 80"
until_is 163840 sectors nvme0n1

# A gap in the identifiers, and blocks of another size. Linux counts the names itself.
echo "owner: add 7 --size 8 --lba 512"
until_is there presence nvme0n3
until_is 7 $bb cat /sys/block/nvme0n3/nsid
until_is 512 $bb cat /sys/block/nvme0n3/queue/logical_block_size
use nvme0n3

complaints=$($bb dmesg | $bb grep -i nvme | $bb grep -iE 'fail|error|bogus|timeout|invalid|unsupported|abort|duplicate|identical')
[ -z "$complaints" ] || fail "the driver complains: $complaints"

# A namespace goes while it is read: whoever reads is told, and the others go on.
(while $bb dd if=/dev/nvme0n2 of=/dev/null bs=64k iflag=direct 2>/dev/null; do :; done; echo told >/told) &
echo "owner: remove 2"
until_is gone presence nvme0n2
until_is told $bb cat /told
use nvme0n1
use nvme0n3
echo "owner: remove 7"
until_is gone presence nvme0n3
echo "owner: add 2 --size 24"
until_is 49152 sectors nvme0n2
[ -z "$($bb dd if=/dev/nvme0n2 bs=1M iflag=direct 2>/dev/null | $bb tr -d '\0' | $bb head -c 1)" ] || fail "a new namespace has old data"
use nvme0n2
until_is live $bb cat /sys/class/nvme/nvme0/state

echo "linux namespaces: all is well"
# The serial port is polled: what was said needs a moment.
$bb sleep 1
$bb poweroff -f
