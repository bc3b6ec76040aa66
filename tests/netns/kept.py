# kept.py ADDR: for each line that it is told sends 50 datagrams to port 7001 by
# one and the same socket, each once the one before was answered; prints how many
# were
import socket, sys
from patient import Patience
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
    socket.SOCK_DGRAM)
s.connect((sys.argv[1], 7001))
print("ready", flush=True)
for line in sys.stdin:
    n = 0
    for i in range(50):
        try:
            s.send(b"x")
            n += Patience(1).recv(s, 10) == b"x"
        except OSError:
            break
    print(n, flush=True)
