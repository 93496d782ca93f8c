"""api/openapi.yaml, and whether an answer is what it says.

Every answer that passes through support/service.py is held to it: the status, the media type, the body and the
headers are those of the operation, and nothing is there that is not described.
"""

import functools
import pathlib
import re

import jsonschema
import yaml

FILE = pathlib.Path(__file__).resolve().parents[3] / "api" / "openapi.yaml"
PUBLIC, ADMIN = "public", "admin"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# What HTTP itself has on an answer, and what any answer to a web page may have (see the description's text).
UNSAID = {"content-type", "content-length", "connection", "date", "vary",
          "access-control-allow-origin", "access-control-expose-headers"}


class Undescribed(AssertionError):
    """An answer that the description does not have."""


def resolved(value, root):
    """With what each $ref names in its place: nothing here is recursive."""
    if isinstance(value, list):
        return [resolved(item, root) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target = root
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        value = target | {name: more for name, more in value.items() if name != "$ref"}
    return {name: resolved(item, root) for name, item in value.items()}


def validator(schema):
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.draft202012_format_checker)


def complaint(validator, value):
    """The first thing that is wrong with a value, or None."""
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    return error and f"at {error.json_path}: {error.message}"


class Header:
    def __init__(self, name, described):
        self.name = name.lower()
        self.required = described.get("required", False)
        self.is_number = described["schema"].get("type") == "integer"
        self.validator = validator(described["schema"])

    def check(self, answer):
        values = answer.all(self.name)
        if len(values) != 1:
            return None if not values and not self.required else f"{len(values)} {self.name}"
        is_number = self.is_number and values[0].isascii() and values[0].isdigit()
        wrong = complaint(self.validator, int(values[0]) if is_number else values[0])
        return wrong and f"{self.name}: {wrong}"


class Response:
    """What one operation answers with one status."""

    def __init__(self, described):
        self.headers = [Header(*row) for row in described.get("headers", {}).items()]
        self.names = {header.name for header in self.headers}
        self.content = {media_type: validator(content["schema"])
                        for media_type, content in described.get("content", {}).items()}

    def check(self, answer, with_body):
        yield from filter(None, (header.check(answer) for header in self.headers))
        yield from (f"{name} is not described" for name, _ in answer.headers
                    if name not in self.names | UNSAID)
        yield from self.check_content(answer, with_body)

    def check_content(self, answer, with_body):
        types = answer.all("content-type")
        if not self.content:
            if types or answer.body:
                yield "content where none is described"
        elif len(types) != 1 or types[0] not in self.content:
            yield f"content types {types}"
        elif with_body:
            wrong = complaint(self.content[types[0]], body_of(types[0], answer))
            if wrong:
                yield f"body: {wrong}"
        elif answer.body:
            yield "a body in answer to HEAD"


def body_of(media_type, answer):
    return answer.json if media_type == "application/json" else answer.body.decode("utf-8")


class Path:
    def __init__(self, template, described):
        self.template = template
        self.takes_any_method = described.get("x-any-method", False)
        self.servers = {server["url"] for server in described.get("servers", [{"url": "/"}])}
        self.listeners = ({PUBLIC} if "/" in self.servers else set()) | (
            {ADMIN} if self.servers - {"/"} else set())
        self.operations = {method: described[method] for method in METHODS if method in described}
        self.parameters = described.get("parameters", [])
        self.responses = {method: {status: Response(response)
                                   for status, response in operation["responses"].items()}
                          for method, operation in self.operations.items()}
        self.pattern = re.compile(self._pattern(template))

    def _pattern(self, template):
        long = {parameter["name"] for parameter in self.parameters
                if parameter.get("x-many-segments")}
        pieces = re.split(r"\{(\w+)\}", template)
        return "".join(re.escape(piece) if i % 2 == 0 else ".*" if piece in long else "[^/]+"
                       for i, piece in enumerate(pieces))

    def method_of(self, method):
        """The one that is described for it, or None."""
        method = method.lower()
        if self.takes_any_method or (method == "head" and "head" not in self.operations):
            method = "get"
        return method if method in self.operations else None

    def allowed(self):
        """Of Allow. A preflight is answered for listed origins alone, and so not named."""
        methods = {method.upper() for method in self.operations} - {"OPTIONS"}
        return methods | ({"HEAD"} if "GET" in methods else set())


class Description:
    def __init__(self, text):
        self.document = yaml.safe_load(text)
        self.resolved = resolved(self.document, self.document)
        self.paths = [Path(*row) for row in self.resolved["paths"].items()]
        # Fixed words before names: /admin/keys/rotate is not a key.
        self.paths.sort(key=lambda path: "{" in path.template)
        responses = self.resolved["components"]["responses"]
        self.not_found = Response(responses["NotFound"])
        self.method_not_allowed = Response(responses["MethodNotAllowed"])
        self.before_any_path = {status: Response(responses[name]) for status, name in (
            ("400", "Malformed"), ("411", "LengthRequired"), ("413", "TooLarge"),
            ("503", "Unavailable"))}

    def path_of(self, target, listener):
        path = target.partition("?")[0]
        return next((row for row in self.paths
                     if listener in row.listeners and row.pattern.fullmatch(path)), None)

    def response_to(self, method, target, listener, answer):
        """What is described for such an answer, or Undescribed."""
        path = self.path_of(target, listener)
        status = str(answer.status)
        if path is None:
            found = {"404": self.not_found} | self.before_any_path | self.admin_refusals(
                target, listener)
        elif path.method_of(method) is None:
            found = {"405": self.method_not_allowed} | self.before_any_path | self.admin_refusals(
                target, listener)
            if status == "405" and set(answer.one("allow").split(", ")) != path.allowed():
                raise Undescribed(f"Allow of {path.template}: {answer}")
        else:
            found = path.responses[path.method_of(method)]
        if status not in found:
            raise Undescribed(f"{method} {target} is not answered by {status}: {answer}")
        return found[status]

    def admin_refusals(self, target, listener):
        """Who may not ask is not told what there is."""
        if listener == PUBLIC or not target.startswith("/admin/"):
            return {}
        path = self.path_of("/admin/users", ADMIN)
        return {status: path.responses["get"][status] for status in ("401", "403")}

    def check(self, method, target, listener, answer):
        """Undescribed when the answer is not what is described."""
        response = self.response_to(method, target, listener, answer)
        wrong = list(response.check(answer, with_body=method != "HEAD"))
        if wrong:
            raise Undescribed(f"{method} {target}: {'; '.join(wrong)}\n{answer}")


@functools.lru_cache(maxsize=None)
def description():
    """Read and compiled once."""
    return Description(FILE.read_text(encoding="utf-8"))
