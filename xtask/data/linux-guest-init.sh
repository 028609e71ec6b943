#!/bin/busybox sh
# The init of the stock Linux that boots in swaplab's machine: uses the drive as people do and says
# what is wrong. The machine is switched off if all was right; else it exits with code 3.

bb=/bin/busybox
disk=/dev/nvme0n1
fault_block=4096

fail() {
    echo "linux guest: FAILED: $*"
    $bb dmesg | $bb grep -iE 'nvme|pci|swap'
    $bb printf '\003' | $bb dd of=/dev/port bs=1 seek=244 2>/dev/null
    $bb poweroff -f
}

is() {
    [ "$2" = "$3" ] || fail "$1 is '$2', need '$3'"
    echo "linux guest: $1: $2"
}

attribute() {
    $bb cat "/sys/$1"
}

wait_for_disk() {
    waited=0
    while [ ! -b $disk ]; do
        waited=$((waited + 1))
        [ $waited -le 100 ] || fail "no $disk after 10 seconds"
        $bb usleep 100000
    done
}

# The data are on the drive: what the page cache has does not count.
reads_back() {
    echo 3 >/proc/sys/vm/drop_caches
    $bb dd if=$disk bs=64k count=16 2>/dev/null | $bb cmp - /data || fail "reading back $1"
}

$bb mount -t devtmpfs dev /dev
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
for module in /modules/*; do
    $bb insmod "$module" || fail "cannot load $module"
done
wait_for_disk

# What the driver thinks of the controller.
is model "$(attribute class/nvme/nvme0/model | $bb sed 's/ *$//')" "swaplab NVMe controller model"
is state "$(attribute class/nvme/nvme0/state)" live
is "write cache" "$(attribute block/nvme0n1/queue/write_cache)" "write back"
is "block bytes" "$(attribute block/nvme0n1/queue/logical_block_size)" 4096
is "fua" "$(attribute block/nvme0n1/queue/fua)" 1
[ "$(attribute block/nvme0n1/queue/discard_max_bytes)" -gt 0 ] || fail "no discard"
[ "$(attribute block/nvme0n1/queue/write_zeroes_max_bytes)" -gt 0 ] || fail "no write zeroes"
[ -n "$(attribute block/nvme0n1/wwid)" ] || fail "no unique name"

# Data survives, through the page cache dropped, through a controller reset, and through a driver that lets go of the
# device and takes it again. Both delete the queues, and rules are armed that let one stay each time.
$bb head -c 1048576 /dev/urandom >/data || fail "no data"
$bb dd if=/data of=$disk bs=64k conv=fsync 2>/dev/null || fail "writing"
reads_back "at once"
echo 1 >/sys/class/nvme/nvme0/reset_controller
is "state after a reset" "$(attribute class/nvme/nvme0/state)" live
reads_back "after a reset"
device=$($bb basename "$($bb readlink /sys/class/nvme/nvme0/device)")
echo "$device" >/sys/bus/pci/drivers/nvme/unbind
[ ! -b $disk ] || fail "the driver let go of the device and its disk is there"
echo "$device" >/sys/bus/pci/drivers/nvme/bind
wait_for_disk
is "state with the driver bound again" "$(attribute class/nvme/nvme0/state)" live
reads_back "with the driver bound again"
$bb blkdiscard -o 0 -l 65536 $disk || fail "discard"
echo 3 >/proc/sys/vm/drop_caches
$bb dd if=$disk bs=64k count=1 2>/dev/null | $bb tr -d '\0' | $bb cmp -s - /dev/null || fail "discarded blocks"

# Swap on the drive.
$bb mkswap $disk >/dev/null || fail "mkswap"
$bb swapon $disk || fail "swapon"
is "swap areas" "$($bb grep -c nvme0n1 /proc/swaps)" 1
$bb swapoff $disk || fail "swapoff"

# Nobody complained so far.
complaints=$($bb dmesg | $bb grep -i nvme | $bb grep -iE 'fail|error|bogus|quirk|timeout|invalid|unsupported|abort')
[ -z "$complaints" ] || fail "the driver complains: $complaints"

# The fault that is armed on the command line, and nothing beside it.
$bb dd if=$disk bs=4096 skip=$fault_block count=1 iflag=direct of=/dev/null 2>/dev/null && fail "the faulty block can be read"
$bb dmesg | $bb grep -q 'critical medium error, dev nvme0n1' || fail "no medium error was reported"
$bb dd if=$disk bs=4096 skip=$((fault_block + 1)) count=1 iflag=direct of=/dev/null 2>/dev/null || fail "its neighbour cannot be read"

echo "linux guest: all is well"
$bb sync
# The serial port is polled: what was said needs a moment.
$bb sleep 1
$bb poweroff -f
