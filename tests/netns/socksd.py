#!/usr/bin/env python3
"""A SOCKS 5 proxy for the tests where no danted is to be had: it connects
before it says so, tells the truth of what failed, passes half-closes and resets
on, and carries datagrams.

    socksd.py ADDR PORT none|username USERS LOG

The file USERS has lines of USER:PASSWORD.
"""
import asyncio, errno, ipaddress, socket, struct, sys

DONE, FAILED, NO_NET, NO_HOST, REFUSED, NO_COMMAND = 0, 1, 3, 4, 5, 7
SAID = {errno.ENETUNREACH: NO_NET, errno.EHOSTUNREACH: NO_HOST,
        errno.ETIMEDOUT: NO_HOST, errno.ECONNREFUSED: REFUSED}
loop = None
external = users = log = None


def end(addr, port):
    """An end as SOCKS has it."""
    raw = ipaddress.ip_address(addr).packed
    return (b"\1" if len(raw) == 4 else b"\4") + raw + struct.pack(">H", port)


def parse_end(msg, at):
    """The end at that place of a datagram, and where it is over."""
    kind = msg[at]
    at += 1
    if kind == 3:
        size = msg[at]
        at += 1
        addr = msg[at:at + size].decode()
    else:
        size = 4 if kind == 1 else 16
        addr = str(ipaddress.ip_address(msg[at:at + size]))
    at += size
    return addr, struct.unpack_from(">H", msg, at)[0], at + 2


async def read_exactly(sock, size):
    got = b""
    while len(got) < size:
        more = await loop.sock_recv(sock, size - len(got))
        if not more:
            raise EOFError
        got += more
    return got


async def read_end(sock):
    head = await read_exactly(sock, 1)
    if head == b"\3":
        size = await read_exactly(sock, 1)
        head += size
        rest = size[0]
    else:
        rest = 4 if head == b"\1" else 16
    head += await read_exactly(sock, rest + 2)
    return parse_end(head, 0)[:2]


def answer(code, at=("0.0.0.0", 0)):
    return bytes([5, code, 0]) + end(*at[:2])


async def dial(addr, port):
    error = OSError(errno.EHOSTUNREACH, "no address")
    for family, _, _, _, to in await loop.getaddrinfo(
            addr, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        if family == socket.AF_INET:
            sock.bind((external, 0))
        try:
            await loop.sock_connect(sock, to)
            return sock
        except OSError as e:
            sock.close()
            error = e
    raise error


async def pass_on(one, other):
    """All that one says, and its end."""
    try:
        while more := await loop.sock_recv(one, 1 << 17):
            await loop.sock_sendall(other, more)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        reset = struct.pack("ii", 1, 0)
        for sock in one, other:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


async def connect(client, addr, port):
    try:
        far = await dial(addr, port)
    except OSError as e:
        await loop.sock_sendall(client, answer(SAID.get(e.errno, FAILED)))
        return
    with far:
        await loop.sock_sendall(client, answer(DONE, far.getsockname()))
        await asyncio.gather(pass_on(client, far), pass_on(far, client))


class Association:
    """Datagrams of one client, which speaks from one port."""

    def __init__(self, client):
        self.host = client.getpeername()[0]
        self.peer = None
        self.known = set()
        self.inner = self.socket(client.family, client.getsockname()[0])
        self.outer = {socket.AF_INET: self.socket(socket.AF_INET, external),
                      socket.AF_INET6: self.socket(socket.AF_INET6, "")}
        loop.add_reader(self.inner, self.out)
        for sock in self.outer.values():
            loop.add_reader(sock, self.back, sock)

    @staticmethod
    def socket(family, addr):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((addr, 0))
        return sock

    def out(self):
        try:
            msg, peer = self.inner.recvfrom(1 << 16)
            if peer[0] != self.host or self.peer not in (None, peer) or \
                    msg[2] != 0:
                return
            self.peer = peer
            addr, port, at = parse_end(msg, 3)
            family, _, _, _, to = socket.getaddrinfo(
                addr, port, type=socket.SOCK_DGRAM)[0]
            self.known.add(to[:2])
            self.outer[family].sendto(msg[at:], to)
        except (OSError, IndexError, ValueError):
            pass  # lost, as datagrams may be

    def back(self, sock):
        try:
            msg, far = sock.recvfrom(1 << 16)
            if far[:2] in self.known:
                self.inner.sendto(b"\0\0\0" + end(*far[:2]) + msg, self.peer)
        except OSError:
            pass

    def close(self):
        for sock in (self.inner, *self.outer.values()):
            loop.remove_reader(sock)
            sock.close()


async def associate(client):
    a = Association(client)
    try:
        await loop.sock_sendall(client, answer(DONE, a.inner.getsockname()))
        while await loop.sock_recv(client, 512):
            pass
    finally:
        a.close()


async def is_user(client):
    """RFC 1929: who it says it is, which the log gets, and the password."""
    await read_exactly(client, 1)
    said = []
    for _ in range(2):
        said.append(await read_exactly(
            client, (await read_exactly(client, 1))[0]))
    user, password = (word.decode() for word in said)
    good = f"{user}:{password}" in users
    print(f"{'pass' if good else 'block'} username%{user}@", file=log,
          flush=True)
    await loop.sock_sendall(client, bytes([1, not good]))
    return good


async def serve(client):
    with client:
        try:
            version, count = await read_exactly(client, 2)
            methods = await read_exactly(client, count)
            method = 0 if users is None else 2
            if version != 5 or method not in methods:
                await loop.sock_sendall(client, b"\5\xff")
                return
            await loop.sock_sendall(client, bytes([5, method]))
            if users is not None and not await is_user(client):
                return
            _, command, _ = await read_exactly(client, 3)
            addr, port = await read_end(client)
            if command == 1:
                await connect(client, addr, port)
            elif command == 3:
                await associate(client)
            else:
                await loop.sock_sendall(client, answer(NO_COMMAND))
        except (EOFError, OSError, ValueError):
            pass


async def main(addr, port):
    global loop, external
    loop = asyncio.get_running_loop()
    external = addr
    listener = socket.create_server((addr, int(port)), backlog=512)
    listener.setblocking(False)
    under_way = set()
    while True:
        client, _ = await loop.sock_accept(listener)
        task = asyncio.create_task(serve(client))
        under_way.add(task)
        task.add_done_callback(under_way.discard)


if sys.argv[3] == "username":
    users = open(sys.argv[4]).read().splitlines()
    log = open(sys.argv[5], "w")
asyncio.run(main(*sys.argv[1:3]))
