"""Servers under measurement: start, CPU time, memory, stop."""

import base64
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
PASSWORD = "correct horse battery staple"
CLIENT = ("rs", "0123456789abcdefghijklmnopqrstuvwxyz")
BASIC = "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode()
FORM = "application/x-www-form-urlencoded"
LANE_BYTES_MIN = 16 << 20
PATIENCE_S = 20
# Guessing is not what is measured, and all tokens of a run stay good.
OPTIONS = {"throttle.enabled": "false", "access_token.ttl_s": "3600"}


def environment(more=None):
    """Nothing of the caller's that tokend would read as an option."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOKEND_")}
    return kept | (more or {})


def sets(options):
    return [word for name, value in options.items()
            for word in ("--set", f"{name.replace('__', '.')}={value}")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raw(method, target, headers, body=""):
    """A request as the load generators send it."""
    lines = [f"{method} {target} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += [f"Content-Type: {FORM}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


class Server:
    """A process that listens on `port`, and all that it has started."""

    def __init__(self, argv, port, env=None, log=subprocess.DEVNULL):
        self.port = port
        # close_fds would make Python fork where it can otherwise spawn: start-up is measured too.
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env=env, close_fds=False)

    def until_answers(self, request):
        """Until it gives a first good answer."""
        give_up, said = time.monotonic() + PATIENCE_S, b"nothing"
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.process.args[0]} ended with {self.process.returncode}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as peer:
                    peer.sendall(request.encode())
                    said = peer.recv(16384)
            except ConnectionError:
                time.sleep(0.0002)
            if said.startswith(b"HTTP/1.1 200 "):
                return self
        self.stop()
        raise SystemExit(f"{self.process.args[0]} gave no good answer, but {said!r}")

    def cpu_us(self):
        """User and system time of the process tree so far."""
        ticks, waiting = 0, [self.process.pid]
        while waiting:
            pid = waiting.pop()
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
            fields = stat.rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text(encoding="ascii").split())
        return ticks * TICK_US

    def memory(self):
        """PSS and hash lanes in bytes. Lanes are kept out of core dumps, and nothing else so large is."""
        total = lanes = lanes_size = 0
        mapping = {}
        smaps = pathlib.Path(f"/proc/{self.process.pid}/smaps").read_text(encoding="ascii")
        for line in smaps.splitlines():
            name, _, value = line.partition(":")
            if value.endswith(" kB"):
                mapping[name] = int(value.split()[0]) * 1024
            elif name == "VmFlags":
                total += mapping["Pss"]
                if "dd" in value.split() and mapping["Size"] >= LANE_BYTES_MIN:
                    lanes += mapping["Pss"]
                    lanes_size += mapping["Size"]
        return {"total": total, "lanes": lanes, "lanes_size": lanes_size}

    def settled_memory(self):
        """Once the hash lanes are there; None for those whom the service lets not look: all but root."""
        give_up = time.monotonic() + PATIENCE_S
        try:
            now = self.memory()
            while now["lanes"] < now["lanes_size"] and time.monotonic() < give_up:
                time.sleep(0.05)
                now = self.memory()
        except PermissionError:
            print("memory: only root may read it", file=sys.stderr)
            return None
        return now

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


class Nginx(Server):
    """Two workers, one small file; /open/ as it is, /checked/ as /verify/nginx of `tokend` says."""

    def __init__(self, folder, tokend_port):
        port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(
            folder=folder, port=port, tokend=tokend_port, workers=os.cpu_count()), encoding="utf-8")
        for place in ("open", "checked"):
            (folder / place).mkdir(exist_ok=True)
            (folder / place / "file").write_text("x" * 231, encoding="ascii")
        super().__init__(["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"),
                          "-e", "stderr", "-g", "daemon off;"], port)


# As in api/proxies/nginx.conf, with connections to tokend kept.
NGINX = """
worker_processes {workers};
pid {folder}/nginx.pid;
user root;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    upstream tokend {{ server 127.0.0.1:{tokend}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} reuseport;
        root {folder};
        location /open/ {{ }}
        location /checked/ {{
            auth_request /_tokend;
            auth_request_set $tokend_subject $upstream_http_x_auth_subject;
        }}
        location = /_tokend {{
            internal;
            proxy_pass http://tokend/verify/nginx;
            proxy_method HEAD;
            proxy_http_version 1.1;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Connection "";
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Original-URI    $request_uri;
            proxy_set_header X-Original-Host   $host;
        }}
    }}
}}
"""


class Tokend:
    """A data folder with a user and a client, and the service over it."""

    def __init__(self, binary, folder, **options):
        self.binary = binary
        self.data = folder / "data"
        self.log_path = folder / "log"
        self.server = None
        self.options = {name.replace("__", "."): value for name, value in options.items()}
        self.cli("init")
        self.cli("user", "add", "alice", "--id", "u-alice", "--role", "user", "--scope",
                 "read write", "--json", stdin=PASSWORD)
        self.cli("client", "add", CLIENT[0], "--secret-stdin", "--grant",
                 "client_credentials,password,refresh_token", "--scope", "read write introspect",
                 "--json", stdin=CLIENT[1])

    def cli(self, *words, stdin=""):
        done = subprocess.run([self.binary, *words, "--data", self.data, *sets(self.options)],
                              input=stdin + "\n", capture_output=True, text=True,
                              env=environment(), check=False)
        if done.returncode:
            raise SystemExit(f"tokend {words[0]}: {done.stderr}")

    def spawn(self, port, env=None, **options):
        argv = [self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{port}",
                *sets({"issuer": "http://bench"} | OPTIONS | self.options | options)]
        with open(self.log_path, "ab") as log:
            return Server(argv, port, environment(env), log)

    def start(self, env=None, **options):
        ready = raw("GET", "/healthz/ready", {})
        self.server = self.spawn(free_port(), env, **options).until_answers(ready)
        return self.server

    def stop(self):
        if self.server:
            self.server.stop()
            self.server = None

    def login(self, name="alice"):
        peer = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        peer.request("POST", "/token", login_form(name), {"Content-Type": FORM})
        answer = peer.getresponse()
        body = answer.read()
        peer.close()
        if answer.status != 200:
            raise SystemExit(f"a login was answered {answer.status}: {body!r}")
        return json.loads(body)


def login_form(name="alice"):
    return f"grant_type=password&username={name}&password=" + PASSWORD.replace(" ", "+")
