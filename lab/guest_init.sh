#!/bin/sh
# PID 1 of a lab host that is a User-mode Linux guest. Its root is the lab host's, read only, through hostfs; over it
# goes a tmpfs, so that file systems in the guest behave as the guest's kernel makes them. Words between @ are filled in
# by the lab; the last of them is the rest of the script, which never ends.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
modules=/usr/lib/uml/modules/$(uname -r)

mount -t proc proc /proc
mount -t tmpfs -o mode=0755 rift-host /run
mkdir /run/upper /run/work /run/root
insmod "$modules/kernel/fs/overlayfs/overlay.ko"
mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work rift-root /run/root || exit 1

cd /run/root
mkdir -p lib/modules run/old
ln -s "$modules" "lib/modules/$(uname -r)"
pivot_root . run/old
exec chroot . /bin/sh -s <<'END' >/dev/null 2>&1
mount -t tmpfs -o mode=1777,nosuid,nodev rift /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=0666,mode=0620 devpts /dev/pts
mount -t tmpfs -o mode=1777 rift /dev/shm
mount -t tmpfs -o mode=0700 rift /root
mkdir -m 0700 /root/.ssh
cp /run/old/root/.ssh/authorized_keys /root/.ssh/
umount -l /run/old
mount -t tmpfs -o mode=0755,nosuid,nodev rift /run
mkdir -p /run/sshd
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control # as systemd does
mount -t bpf bpf /sys/fs/bpf
# What has no name to be loaded by: IPv6, and device nodes, which come with their module.
modprobe -a ipv6 tun fuse loop
hostname @NAME@
ip link set lo up
ip link set vec0 name eth0
ip address add @ADDRESS@/24 dev eth0
ip link set eth0 up
ip address add @ADDRESS6@/64 dev eth0 nodad
@SERVE@
END
