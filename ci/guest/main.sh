# Runs as process 1 of the test machine. The job file has set: out, modules, folder, one_stream, the function each_kept
# (calls its argument with each folder that the fresh /tmp would hide) and "$@", the command.
# It runs in busybox's shell, whose own mount, mkdir and so on need no loading: programs of the host that must not be
# mistaken for them have their full path here.
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm /run/udev /run/lock /run/host
mount -t devpts -o gid=5,mode=620 pts /dev/pts
mount -t tmpfs shm /dev/shm
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
[ -e /dev/stdin ] || ln -s fd/0 /dev/stdin
[ -e /dev/stdout ] || ln -s fd/1 /dev/stdout
[ -e /dev/stderr ] || ln -s fd/2 /dev/stderr
mount -o bind / /run/host

mkdir -p "/lib/modules/$(uname -r)"
mount -o bind "$modules" "/lib/modules/$(uname -r)"
mount -t tmpfs tmp /tmp
chmod 1777 /tmp
show() { mkdir -p "$1" && mount -o bind "/run/host$1" "$1"; }
each_kept show
mount -t 9p -o rw,trans=virtio,version=9p2000.L,access=any,msize=512000,cache=mmap out "$out"

for port in /sys/class/virtio-ports/*; do
    read -r name <"$port/name"
    case $name in copyproof.*) ln -s "/dev/${port##*/}" "/run/${name#copyproof.}" ;; esac
done

udevd=/lib/systemd/systemd-udevd
[ -x $udevd ] || udevd=/usr/lib/systemd/systemd-udevd
[ -x $udevd ] && $udevd --daemon >/dev/null 2>&1
echo copyproof-vm >/proc/sys/kernel/hostname
ip link set lo up
# The kernel keeps persistent reservations there and wants it to be before the module is.
mkdir -p /etc/target/pr /var/target/pr
/sbin/modprobe -a configfs sg sd_mod loop target_core_mod tcm_loop
mount -t configfs configfs /sys/kernel/config
udevadm settle

mkfifo /run/stdout.pipe /run/stderr.pipe
/bin/cat /run/stdout.pipe >/run/stdout & writers=$!
if [ "$one_stream" = 1 ]; then
    set_streams() { exec >/run/stdout.pipe 2>&1; }
else
    /bin/cat /run/stderr.pipe >/run/stderr & writers="$writers $!"
    set_streams() { exec >/run/stdout.pipe 2>/run/stderr.pipe; }
fi
exec 9>/run/control
echo started >&9
( set_streams; exec 9>&-; cd -- "$folder" && exec /usr/bin/setsid "$@" ) </dev/null
status=$?

# What the command left running may hold its output open: it gets three seconds to say its last words.
( sleep 3; kill $writers ) 2>/dev/null &
for writer in $writers; do wait "$writer" 2>/dev/null; done
sync
echo "exit $status" >&9
# The host ends the machine; this is for the case that it does not.
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
