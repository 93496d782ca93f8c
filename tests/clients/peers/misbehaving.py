"""A token service that does what none should: it accepts connections and answers as it is told."""

import contextlib
import socket
import threading

from support.wait import limit

JSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


def answer(body, status="200 OK", headers=""):
    """The bytes of an answer."""
    data = body if isinstance(body, bytes) else body.encode()
    head = (f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            f"{headers}Connection: close\r\n\r\n")
    return head.encode() + data


class Misbehaving:
    """`says` is called with the bytes of each request, and with its connection, and returns the
    bytes to answer (None: it has done all itself)."""

    def __init__(self, says):
        self.says = says
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(limit(30))
            data = b""
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            self.requests.append(data)
            said = self.says(data, connection)
            if said is not None:
                connection.sendall(said)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(limit(10))


@contextlib.contextmanager
def misbehaving(says):
    server = Misbehaving(says)
    try:
        yield server
    finally:
        server.close()
