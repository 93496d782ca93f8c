"""Chromium on the example application: FastAPI's /docs with its Authorize button, and the login page."""

import pytest

from peers.browser import chromium
from peers.example import example
from support.fleet import fleet_in
from support.service import PASSWORDS
from support.wait import wait_until


def made(stocked, folder, **options):
    with fleet_in(stocked, folder) as fleet, example(fleet, folder, **options) as place:
        place[1].secrets |= set(PASSWORDS.values())
        yield place


@pytest.fixture(scope="module")
def place(stocked, tmp_path_factory):
    yield from made(stocked, tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def hasty(stocked, tmp_path_factory):
    """Access tokens live for so short that a browser must refresh them."""
    yield from made(stocked, tmp_path_factory.mktemp("hasty"), **{"access_token.ttl_s": 4})


@pytest.fixture(scope="module")
def chrome(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(chrome):
    chrome.open("about:blank")
    chrome.complaints()
    yield chrome
    assert not chrome.complaints()


def times(service, path, status=200):
    """How often it has answered so."""
    return sum(f'"{path}"' in line and f'"status":{status}' in line
               for line in service.log().splitlines())


# ---- Swagger UI ----

def authorize(browser, name, password):
    browser.click(".btn.authorize")
    browser.type(".auth-container [data-name=username]", name)
    browser.type(".auth-container [data-name=password]", password)
    browser.click(".auth-btn-wrapper .authorize")


def execute(browser, path, method="get"):
    """Status and text of the answer, as the page shows them."""
    operation = f'.opblock-{method}:has([data-path="{path}"])'
    browser.click(f"{operation} .opblock-summary-control")
    browser.click(f"{operation} .try-out__btn")
    browser.click(f"{operation} .execute")
    status = browser.until(f"{operation} .live-responses-table tbody .response-col_status").text
    return status.split()[0], browser.until(f"{operation} .live-responses-table").text


def test_swagger_ui_logs_in_and_asks(browser, place):
    url, service = place
    before = times(service, "/token")
    browser.open(f"{url}/docs")
    authorize(browser, "alice", PASSWORDS["alice"])
    browser.until(".auth-container h6", text="Authorized")
    assert times(service, "/token") == before + 1
    browser.click(".auth-btn-wrapper .btn-done")
    status, told = execute(browser, "/me")
    assert status == "200" and "u-alice" in told
    status, told = execute(browser, "/admin/counts")
    assert status == "403" and "Access forbidden: Insufficient permissions" in told


def test_swagger_ui_without_a_token_is_told_so(browser, place):
    url, _ = place
    browser.open(f"{url}/docs")
    status, told = execute(browser, "/me")
    assert status == "401" and "Could not validate credentials" in told


def test_swagger_ui_says_that_a_password_is_wrong(browser, place):
    url, _ = place
    browser.open(f"{url}/docs")
    authorize(browser, "alice", "wrong")
    browser.until(".auth-container .errors", text="invalid_grant")


# ---- the page ----

def log_in(browser, url, name="alice", password=None):
    browser.open(f"{url}/")
    browser.type("#login [name=username]", name)
    browser.type("#login [name=password]", password or PASSWORDS[name])
    browser.click("#login button")


def add(browser, text):
    browser.type("#add [name=text]", text)
    browser.click("#add button")
    browser.until("#notes li", text=text)


def notes(browser):
    return browser.driver.execute_script(
        "return [...document.querySelectorAll('#notes li span')].map(note => note.textContent)")


def test_notes_from_login_to_logout(browser, place):
    url, service = place
    log_in(browser, url)
    assert browser.until("#who", text="alice")
    add(browser, "buy milk")
    add(browser, "<b>not bold</b>")
    assert notes(browser) == ["buy milk", "<b>not bold</b>"]
    browser.click("#notes li button")
    wait_until(lambda: notes(browser) == ["<b>not bold</b>"], "one of them is removed")
    before = times(service, "/revoke")
    browser.click("#logout")
    assert browser.until("#login")
    wait_until(lambda: times(service, "/revoke") == before + 1, "the session is ended")
    assert notes(browser) == []


def test_a_wrong_password_on_the_page(browser, place):
    url, _ = place
    log_in(browser, url, "alice", "wrong")
    browser.until("#message", text="Wrong name or password")
    assert not browser.all("#inside")[0].is_displayed()


def test_what_nobody_may_is_said(browser, place):
    """bob has no scope `write`."""
    url, _ = place
    log_in(browser, url, "bob")
    browser.type("#add [name=text]", "buy milk")
    browser.click("#add button")
    browser.until("#message", text="Access forbidden: Insufficient permissions")
    assert notes(browser) == [] and browser.until("#who").text == "bob"


def test_a_token_that_expires_is_refreshed_and_nobody_notices(browser, hasty):
    url, service = hasty
    log_in(browser, url)
    browser.until("#who", text="alice")
    kept = []

    def refreshed():
        kept.append(f"note {len(kept)}")
        add(browser, kept[-1])
        return times(service, "/refresh") >= 2

    wait_until(refreshed, "the token is refreshed twice", 30)
    assert notes(browser) == kept
    assert browser.until("#who").text == "alice"


def test_a_session_that_has_ended_asks_for_a_login(browser, hasty):
    url, service = hasty
    log_in(browser, url, "boss")
    browser.until("#who", text="boss")
    service.cli("user", "logout", "boss")

    def out():
        with browser.going():  # what is remembered of the token may let one or two of these pass
            browser.all("#add [name=text]")[0].send_keys("too late\n")
        return browser.all("#message")[0].text == "Please log in"

    wait_until(out, "it asks for a login")
    assert browser.until("#login [name=password]").get_attribute("value") == ""


PARALLEL = """
const [issuer, name, password] = given;
const { Session } = await import("/pages/session.js");
const plain = window.fetch;
let refreshes = 0;
window.fetch = (url, ...more) => {
  refreshes += url === issuer + "/refresh";
  return plain(url, ...more);
};
const session = new Session(issuer);
await session.logIn(name, password);
while (refreshes === 0) {
  const answers = await Promise.all(Array.from({ length: 8 }, () => session.fetch("/me")));
  if (!answers.every(answer => answer.ok)) throw new Error("not all were answered");
}
await session.logOut();
return refreshes;
"""


def test_many_requests_with_an_expired_token_refresh_it_once(browser, hasty):
    url, service = hasty
    browser.open(f"{url}/")
    browser.until("#login")
    assert browser.run(PARALLEL, service.issuer, "alice", PASSWORDS["alice"]) == 1
