"""Debian's nginx, in a folder of its own."""

from .program import path_of

MAIN = """
daemon off; master_process off; worker_processes 1;
pid %(home)s/pid; error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path %(home)s/body; proxy_temp_path %(home)s/proxy;
    fastcgi_temp_path %(home)s/f; uwsgi_temp_path %(home)s/u; scgi_temp_path %(home)s/s;
%(http)s
    server {
        listen 127.0.0.1:%(port)d;
%(snippet)s
    }
}
"""


def command(home, port, snippet, http=""):
    """What runs it, with the snippet as the whole of its server on that port; `http`: beside the server."""
    (home / "nginx.conf").write_text(
        MAIN % {"home": home, "port": port, "snippet": snippet, "http": http})
    return [path_of("nginx"), "-p", home, "-e", "stderr", "-c", home / "nginx.conf"]
