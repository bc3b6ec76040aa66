"""pages.py FOLDER never | slow MS HOW_MANY ADDRESS PORT

Programs of nobody's whose memory is locked for others, by a page of a file
system that they serve themselves, mounted at FOLDER: for ever (one, with a
socket at 10.9.0.1:22000), or for MS at a time (HOW_MANY, which all the time
send datagrams there, to PORT and those behind it in turn). Says "held PID", or
"none: WHY" where there is no FUSE."""

import collections, ctypes, itertools, os, select, signal, socket, struct
import sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 4
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
INIT, LOOKUP, GETATTR, OPEN, READ, FORGET, INTERRUPT = 26, 1, 3, 14, 15, 2, 36
EIO = -5
folder, user = sys.argv[1], 65534
slow = sys.argv[2] == "slow"


def attr(node):
    mode, size = (0o40755, 0) if node == 1 else (0o100644, 4096)
    return struct.pack("6Q10I", node, size, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0,
                       0, 0, 4096, 0)


def body(op, node):
    if op == INIT:
        return struct.pack("4I2H2I2H8I", 7, 31, 65536, 0, 16, 12, 65536, 1,
                           16, 0, *[0] * 8)
    if op == LOOKUP:
        return struct.pack("4Q2I", 2, 0, 1000, 1000, 0, 0) + attr(2)
    if op == GETATTR:
        return struct.pack("Q2I", 1000, 0, 0) + attr(node)
    return struct.pack("Q2I", 1, 0, 0) if op == OPEN else b""


def answer(fd, unique, error, bytes):
    os.write(fd, struct.pack("IiQ", 16 + len(bytes), error, unique) + bytes)


def serve(fd):
    late = collections.deque()  # reads, and when they fail
    while True:
        while late and late[0][0] <= time.monotonic():
            # so that it is asked for again
            answer(fd, late.popleft()[1], EIO, b"")
        left = late[0][0] - time.monotonic() if late else None
        if not select.select([fd], [], [], left and max(left, 0))[0]:
            continue
        op, unique, node = struct.unpack("4xIQQ", os.read(fd, 1 << 20)[:24])
        if op == READ and slow:
            late.append((time.monotonic() + float(sys.argv[3]) / 1000, unique))
        elif op == READ:
            os.write(told, b"r")
        elif op not in (FORGET, INTERRUPT):
            answer(fd, unique, 0, body(op, node))


def open_page():
    """The page, and our own memory, through which it is read."""
    libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: its memory is its own
    page = libc.mmap(None, 4096, 1, 2,
                     os.open(folder + "/page", os.O_RDONLY), 0)
    return page, os.open("/proc/self/mem", os.O_RDONLY)


def touch(page, memory):
    while True:
        try:
            os.pread(memory, 8, page)
        except OSError:
            pass


def wait_behind():
    """Whoever comes now waits behind this, and this behind the page."""
    while True:
        libc.munmap(libc.mmap(None, 4096, 1, 0x22, -1, 0), 4096)


def send():
    page, memory = open_page()
    threading.Thread(target=touch, args=(page, memory), daemon=True).start()
    threading.Thread(target=wait_behind, daemon=True).start()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n in itertools.count():
        try:
            s.sendto(b"x", (sys.argv[5], int(sys.argv[6]) + n % 1000))
        except OSError:
            pass  # denied
        time.sleep(0.02)


try:
    fd = os.open("/dev/fuse", os.O_RDWR)
except OSError as e:
    print("none:", e, flush=True)
    sys.exit()
if libc.mount(b"held", folder.encode(), b"fuse", 0, (
        f"fd={fd},rootmode=40000,user_id={user},group_id={user}").encode()):
    print("none:", os.strerror(ctypes.get_errno()), flush=True)
    sys.exit()
asked, told = os.pipe()
if os.fork():
    serve(fd)  # its end lets go of all
os.close(fd)
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
if slow:
    for _ in range(int(sys.argv[4]) - 1):
        if os.fork() == 0:
            libc.prctl(1, signal.SIGKILL, 0, 0, 0)
            break
    else:
        print("held", os.getpid(), flush=True)
    send()
page, memory = open_page()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.1", 22000))
threading.Thread(target=os.pread, args=(memory, 8, page), daemon=True).start()
os.read(asked, 1)
print("held", os.getpid(), flush=True)
libc.mmap(None, 4096, 1, 0x22, -1, 0)  # behind it, and all others behind this
