"""The end comes while connections go on asking: nothing that they ask for is gone before they are."""

import signal
import threading

from support import wire
from support.service import APP, PASSWORDS
from support.wait import limit, wait_until

FORM = ("Content-Type", "application/x-www-form-urlencoded")


def form(target, fields, headers=()):
    return wire.request_bytes("POST", target, [FORM, *headers], wire.encode(fields).encode())


def ask_until_closed(port, requests, seen):
    """One connection after the other, each request in turn; what was answered goes to `seen`."""
    try:
        while True:
            with wire.Wire(port) as connection:
                for request in requests:
                    connection.send(request)
                    seen.add(connection.answer().status)
    except (wire.Closed, OSError):
        return


def test_the_store_and_the_hasher_outlive_the_last_handler(fleet):
    """With no time to drain, logins, refreshes and checks used to find them gone."""
    service = fleet.serve({"http.drain_s": 0})
    pair = service.tokens(client=APP)
    basic = ("Authorization", wire.basic(*APP))
    requests = [
        form("/token", {"grant_type": "password", "username": "alice",
                        "password": PASSWORDS["alice"]}, [basic]),
        form("/refresh", {"refresh_token": pair["refresh_token"]}, [basic]),
        form("/revoke", {"token": pair["access_token"]}, [basic]),
        wire.request_bytes("GET", "/verify",
                           [("Authorization", f"Bearer {pair['access_token']}")]),
    ]
    seen = set()
    threads = [threading.Thread(target=ask_until_closed, args=(service.port, requests, seen),
                                daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: 200 in seen and 401 in seen, "they are served")
    service.signal(signal.SIGTERM)
    assert service.wait() == 0
    for thread in threads:
        thread.join(limit(20))
        assert not thread.is_alive()
    assert seen <= {200, 400, 401, 429, 503}
