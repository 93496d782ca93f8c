"""A crowd of callers that change things, and write down only what has been acknowledged."""

import random
import threading

from support import wire
from support.service import APP, RS, oauth_error, ok

# A service may hold 64 keys that verify; rotations in haste leave all of them verifying.
ROTATIONS_MAX = 40


class Books:
    def __init__(self, service):
        self.service = service
        self.lock = threading.Lock()
        self.sessions, self.ended, self.denied, self.users, self.kids = [], [], [], [], []
        self.names = 0

    # ---- what callers do; each returns whether it was acknowledged ----

    def log_in(self):
        answer = self.service.login("alice", client=APP)
        if answer.status == 200:
            self.sessions.append({"refresh": answer.json["refresh_token"],
                                  "access": answer.json["access_token"]})
        return answer

    def _take_session(self):
        with self.lock:
            return self.sessions.pop(random.randrange(len(self.sessions))) if self.sessions else None

    def refresh(self):
        session = self._take_session()
        if session is None:
            return self.log_in()
        try:
            answer = self.service.refresh(session["refresh"], client=APP)
            if answer.status == 200:
                session["refresh"] = answer.json["refresh_token"]
                session["access"] = answer.json["access_token"]
            return answer
        finally:
            # Answer or none, the token it has is good: inside the grace the same successor comes again.
            self.sessions.append(session)

    def log_out(self):
        session = self._take_session()  # from here on both are true, until there is an answer
        if session is None:
            return self.log_in()
        answer = self.service.revoke(session["refresh"], client=APP)
        if answer.status == 200:
            self.ended.append(session)
        return answer

    def deny(self):
        session = self._take_session()
        if session is None:
            return self.log_in()
        answer = self.service.revoke(session["access"], client=APP)
        if answer.status == 200:
            self.denied.append(session["access"])
        return answer

    def add_user(self):
        with self.lock:
            self.names += 1
            name = f"user-{self.names}"
        answer = self.service.admin("POST", "/admin/users", {
            "username": name, "password": f"the password of {name}", "scope": "read"})
        if answer.status in (200, 201):
            self.users.append(name)
        return answer

    def rotate(self):
        if len(self.kids) >= ROTATIONS_MAX:
            return self.refresh()
        answer = self.service.admin("POST", "/admin/keys/rotate", {"now": True})
        if answer.status in (200, 201):
            self.kids.append(answer.json["kid"])
        return answer

    def rotate_symmetric(self):
        use = random.choice(["refresh-mac", "secret-digest"])
        answer = self.service.admin("POST", "/admin/keys/rotate", {"use": use})
        # While nothing that was made with them goes, sixteen are as many as there may be.
        return self.refresh() if answer.status == 409 else answer

    WEIGHTS = {log_in: 6, refresh: 8, log_out: 3, deny: 2, add_user: 2, rotate: 1,
               rotate_symmetric: 1}

    def act(self):
        """One caller's deed. None: the service went away; else a 200 or a 503, nothing in between."""
        deed = random.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
        try:
            answer = deed(self)
        except (wire.Closed, OSError):
            return None
        assert answer.status in (200, 201, 503), answer
        return answer.status

    # ---- what must be true of a service that runs ----

    def audit(self):
        service = self.service
        for session in self.sessions:
            assert service.is_active(session["access"], RS)
            answer = ok(service.refresh(session["refresh"], client=APP))
            session["refresh"] = answer["refresh_token"]
            session["access"] = answer["access_token"]
        for session in self.ended:
            assert not service.is_active(session["access"], RS)
            oauth_error(service.refresh(session["refresh"], client=APP), 400, "invalid_grant")
        for token in self.denied:
            assert not service.is_active(token, RS)
        for name in self.users:
            ok(service.login(name, f"the password of {name}", client=APP))
        keys = {key["kid"]: key["state"] for key in service.cli("key", "list", "--json")["keys"]}
        assert list(keys.values()).count("active") == 1
        assert set(self.kids) <= set(keys)
