# systemd as PID 1, as a real host has it: logind makes a session's scope of each login, and journald keeps the log.
# Of the machine's own units and settings nothing is left, and what a guest has no use for takes seconds to start.
rm -rf /etc/systemd /etc/fstab /.dockerenv /lib/systemd/system/sysinit.target.wants /var/log/journal
mkdir -p /etc/systemd/system/sysinit.target.wants
ln -s /lib/systemd/system/systemd-journald.service /etc/systemd/system/sysinit.target.wants
ln -s /dev/null /etc/systemd/system/user@.service
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
cat >/etc/systemd/system/ssh.service <<'UNIT'
[Unit]
After=systemd-logind.service
[Service]
ExecStart=/usr/sbin/sshd -D -f /etc/ssh/rift_lab_sshd_config -E /var/log/sshd.log
KillMode=process
Restart=always
UNIT
cat >/etc/systemd/system/default.target <<'UNIT'
[Unit]
Requires=basic.target
Wants=ssh.service dbus.service systemd-logind.service
After=basic.target
AllowIsolate=yes
UNIT
cat >/etc/pam.d/sshd <<'PAM'
account required pam_permit.so
session required pam_loginuid.so
session required pam_systemd.so
PAM
sed -i 's/^UsePAM.*/UsePAM yes/' /etc/ssh/rift_lab_sshd_config
exec /lib/systemd/systemd
