"""Waits whose time is counted in pieces: one in which the whole machine stood
still is no longer than the others."""
import errno
import os
import select
import socket

PIECE = 0.02


class Patience:
    def __init__(self, seconds):
        self.left = seconds
        self.waited = 0  # seconds, for nothing that came

    def ready(self, s, events=select.POLLIN):
        """False when the time is over; what is there already counts."""
        poll = select.poll()
        poll.register(s, events)
        while not poll.poll(1000 * PIECE if self.left > 0 else 0):
            if self.left <= 0:
                return False
            self.left -= PIECE
            self.waited += PIECE
        return True

    def recvfrom(self, s, size):
        if not self.ready(s):
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return s.recvfrom(size)

    def recv(self, s, size):
        return self.recvfrom(s, size)[0]

    def connect(self, s, to):
        """Blocks like connect() of a socket that has a timeout."""
        s.setblocking(False)
        error = s.connect_ex(to)
        if error == errno.EINPROGRESS:
            error = errno.ETIMEDOUT
            if self.ready(s, select.POLLOUT):
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        s.setblocking(True)
        if error == errno.ETIMEDOUT:
            raise TimeoutError(error, os.strerror(error))
        if error:
            raise OSError(error, os.strerror(error))
