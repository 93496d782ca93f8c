"""An application behind a proxy: it answers with the request that it got, and remembers it."""

import contextlib
import http.server
import json
import sys
import threading

from support.service import free_port
from support.wait import limit


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def parse_request(self):
        # The line as it came: the library's own reading of a path drops what a test is after.
        self.line = self.raw_requestline.decode("latin-1").strip()
        return super().parse_request()

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        method, target, _ = self.line.split(" ")
        seen = {"method": method, "target": target, "headers": self.headers.items(),
                "body": self.body().decode("latin-1")}
        self.server.requests.append(seen)
        text = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if method != "HEAD":
            self.wfile.write(text)

    def __getattr__(self, name):
        """Every method is answered, whatever it is called."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        """Nothing is written: pytest shows what it needs."""


class Application(http.server.ThreadingHTTPServer):
    daemon_threads = True
    port = property(lambda self: self.server_address[1])

    def __init__(self):
        super().__init__(("127.0.0.1", free_port()), Echo)
        self.requests = []

    def handle_error(self, *where):
        """A proxy may drop a connection when it likes; all else is a mistake of the test's."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*where)


@contextlib.contextmanager
def serving():
    with Application() as application:
        thread = threading.Thread(target=application.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield application
        finally:
            application.shutdown()
            thread.join(limit(10))
