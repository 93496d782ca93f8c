"""A wire between two programs that counts how often it was picked up."""

import contextlib
import socket
import socketserver
import threading


class _Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, target_port):
        super().__init__(("127.0.0.1", 0), _Call)
        self.port = self.server_address[1]
        self.target_port = target_port
        self.calls = 0


class _Call(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.calls += 1
        with socket.create_connection(("127.0.0.1", self.server.target_port)) as target:
            back = threading.Thread(target=_pass_on, args=(target, self.request), daemon=True)
            back.start()
            _pass_on(self.request, target)
            back.join()


def _pass_on(source, to):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relay(target_port):
    with _Relay(target_port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
