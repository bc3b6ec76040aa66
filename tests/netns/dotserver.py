"""A DNS over TLS server that misbehaves: MODE CERT KEY ADDRESS PORT

good      answers each query at once
close     closes after each answer
shut      closes after the handshake, without an answer
deaf      takes the connection, and says nothing: no handshake
mute      takes queries, and answers none
sick      answers three queries, then no more on that connection
reverse   waits for ten queries, and answers the last first, byte by byte
junk      answers what nobody asked, without end
lies      answers first with another name, another id, a query; then well
plain     speaks no TLS
idle      closes after 300 ms without a query
forget    closes after each answer, and knows no session again
Prints a line for each connection: "connection resumed" or "connection new"."""
import socket, ssl, struct, sys, threading

mode, cert, key, address, port = sys.argv[1:6]
contexts = []

def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(cert, key)
    return c

def answer(query, id=None, letters=None):
    at = 12
    while query[at]:
        at += query[at] + 1
    question = query[12:at + 5]
    if letters:
        question = question[:1] + letters + question[1 + len(letters):]
    m = (id or query[:2]) + b"\x81\x80\0\1\0\1\0\0\0\0" + question
    return m + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"

def frame(m):
    return struct.pack(">H", len(m)) + m

def read(s, n):
    b = b""
    while len(b) < n:
        more = s.recv(n - len(b))
        if not more:
            raise EOFError
        b += more
    return b

def query(s):
    return read(s, struct.unpack(">H", read(s, 2))[0])

def talk(s):
    if mode == "shut":
        return
    if mode == "idle":
        s.settimeout(0.3)
    if mode == "reverse":
        queries = [query(s) for _ in range(10)]
        for byte in b"".join(frame(answer(q)) for q in queries[::-1]):
            s.sendall(bytes([byte]))
    n = 0
    while True:
        q = query(s)
        n += 1
        if mode == "mute" or (mode == "sick" and n > 3):
            continue
        if mode == "junk":
            while True:
                s.sendall(frame(answer(q, b"\xff\xff")) * 20)
        if mode == "lies":
            s.sendall(frame(b"") + frame(b"\0" * 12) + frame(q))
            s.sendall(frame(answer(q, None, b"X")))
            s.sendall(frame(answer(q, bytes([q[0] ^ 0x80, q[1]]))))
        s.sendall(frame(answer(q)))
        if mode in ("close", "forget"):
            return

def serve(c):
    try:
        if mode == "deaf":
            while c.recv(4096):
                pass
            return
        if mode == "plain":
            c.recv(4096)
            c.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            return
        if mode == "forget" or not contexts:
            contexts[:] = [context()]
        s = contexts[0].wrap_socket(c, server_side=True)
        print("connection", "resumed" if s.session_reused else "new",
            flush=True)
        try:
            talk(s)
        finally:
            try:
                s.settimeout(1)
                s.unwrap()
            except (OSError, ValueError):
                pass
            s.close()
    except (OSError, EOFError):
        pass
    finally:
        c.close()

family = socket.AF_INET6 if ":" in address else socket.AF_INET
listener = socket.socket(family, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((address, int(port)))
listener.listen(100)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],),
        daemon=True).start()
