"""Chromium without a screen, and the files that pages take from elsewhere, served here."""

import contextlib
import functools
import http.server
import pathlib
import re
import ssl
import threading

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from support import certificate
from support.wait import limit, wait_until

from .node import package

# What FastAPI's /docs takes from a CDN, in the version that it was written for.
ASSET = re.compile(r"/npm/swagger-ui-dist@[^/]+/([a-z.-]+)")


class Cdn(http.server.SimpleHTTPRequestHandler):
    """The npm package swagger-ui-dist, whatever version is asked for."""

    def translate_path(self, path):
        asset = ASSET.fullmatch(path)
        return super().translate_path("/" + asset[1] if asset else "/nothing here")

    def log_message(self, *_):
        """pytest shows what it needs."""


@contextlib.contextmanager
def cdn(folder):
    """Its port."""
    files = functools.partial(Cdn, directory=str(package("swagger-ui-dist")))
    cert, key = certificate.make(folder, "cdn")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(limit(10))


class Browser:
    def __init__(self, driver):
        self.driver = driver

    def open(self, url):
        self.driver.get(url)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    @staticmethod
    def going():
        """What is looked at may go at that moment, or be hidden."""
        return contextlib.suppress(WebDriverException)

    def until(self, css, what=None, text=None):
        """The first that is seen, with this text in it."""
        def seen():
            with self.going():
                for element in self.all(css):
                    if element.is_displayed() and (text is None or text in element.text):
                        return element
            return None
        return wait_until(seen, what or f"{css} is there with {text!r}", 20)

    def click(self, css, text=None):
        def clicked():
            with self.going():
                self.until(css, text=text).click()
                return True
            return False
        wait_until(clicked, f"{css} can be clicked", 20)

    def type(self, css, text):
        field = self.until(css)
        field.clear()
        field.send_keys(text)

    def run(self, script, *arguments):
        """What the asynchronous body `script` returns."""
        told = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
            f"(async () => {{ {script} }})()"
            ".then(value => done({value}), error => done({error: String(error)}))", *arguments)
        assert "error" not in told, told
        return told.get("value")

    def complaints(self):
        """What its console says since the last time: all but answers that a page has to expect."""
        return [row["message"] for row in self.driver.get_log("browser")
                if row["level"] == "SEVERE" and "the server responded with a status of 4" not in
                row["message"]]


@contextlib.contextmanager
def chromium(folder):
    """Every host but 127.0.0.1 itself is the server here that stands for the CDN."""
    with cdn(folder) as port:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--window-size=1200,2000", "--no-sandbox",
                         "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--ignore-certificate-errors",
                         f"--user-data-dir={pathlib.Path(folder, 'profile')}",
                         f"--host-resolver-rules=MAP * 127.0.0.1:{port},EXCLUDE 127.0.0.1"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        driver.set_script_timeout(limit(30))
        driver.set_page_load_timeout(limit(60))
        try:
            yield Browser(driver)
        finally:
            driver.quit()
