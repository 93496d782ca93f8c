"""Requests made from the description: such as it asks for, and such as are a little wrong.

Everything depends on the random numbers given, so that a seed names a run. Text that is made up carries MARK,
by which it can be told in an answer that should not repeat it.
"""

import json
import urllib.parse

from . import wire

MARK = "zq7echo"
FORM = "application/x-www-form-urlencoded"

# How often what is asked for is given, and how often that is right.
GIVEN, RIGHT = 0.6, 0.75

TEXTS = ["", " ", MARK, MARK * 60, MARK + "\u00df\u1e9e", MARK + "\u202e\U0001f600", f"client:{MARK}", "%00",
         MARK + "\u0000", MARK + "\u0007\r\nX-Injected: 1", f"' OR {MARK}=1 --", f"../../{MARK}", f"{MARK}=1&{MARK}=2",
         MARK + "%zz", "-1", "1e999", "0x10", "null", "true", f"{MARK}  {MARK}", f"{MARK}\\\"<>"]
NUMBERS = [-2**63, -1, 0, 1, 7, 1000, 1001, 2**31, 2**53, 2**63 - 1]
OTHERS = [None, True, False, [], {}, [[]], [None], {MARK: MARK}, 1.5, *NUMBERS]


class Maker:
    """`known`: values that mean something to the service, by the name of what asks for them."""

    def __init__(self, rng, known):
        self.rng = rng
        self.known = known

    def chance(self, of):
        return self.rng.random() < of

    def text(self):
        return self.rng.choice(TEXTS)

    # ---- values ----

    def value(self, schema, name=None):
        """As the schema has it, or something that the service knows by this name."""
        if name in self.known and self.chance(0.7):
            return self.rng.choice(self.known[name])
        for several in ("oneOf", "anyOf"):
            if several in schema and "type" not in schema:
                return self.value(self.rng.choice(schema[several]), name)
        if "allOf" in schema:
            schema = schema["allOf"][0] | schema
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        return getattr(self, "_" + schema.get("type", "string"))(schema, name)

    def _object(self, schema, name):
        required, of_others = schema.get("required", ()), self.rng.choice([0, GIVEN, 0.9])
        return {member: self.value(of, member) for member, of in schema.get("properties", {}).items()
                if member in required or self.chance(of_others)}

    def _array(self, schema, name):
        few = schema.get("minItems", 0) + self.rng.randrange(3)
        return [self.value(schema["items"]) for _ in range(few)]

    def _string(self, schema, name):
        examples = schema.get("examples", ())
        if examples and ("pattern" in schema or self.chance(0.5)):
            return self.rng.choice(examples)
        return f"{MARK}{self.rng.randrange(10**9):09}{'x' * schema.get('minLength', 0)}"

    def _integer(self, schema, name):
        low = schema.get("minimum", 0)
        return self.rng.randint(low, schema.get("maximum", low + 10**9))

    def _boolean(self, schema, name):
        return self.chance(0.5)

    # ---- what is a little wrong ----

    def wrong_text(self, schema, name=None):
        """Of a parameter, where everything is text."""
        if self.chance(RIGHT):
            return written(self.value(schema, name))
        return self.rng.choice([self.text(), str(self.rng.choice(NUMBERS))])

    def wrong_object(self, given):
        """The members, but for one."""
        given = dict(given)
        how = self.rng.randrange(4)
        if given and how == 0:
            del given[self.rng.choice(sorted(given))]
        elif given and how == 1:
            given[self.rng.choice(sorted(given))] = self.rng.choice([*OTHERS, self.text()])
        elif given and how == 2:
            given[self.rng.choice(sorted(given))] = self.text()
        else:
            given[MARK] = self.rng.choice(OTHERS)
        return given

    # ---- bodies ----

    def json_body(self, schema, name):
        given = self.value(schema, name)
        if self.chance(RIGHT):
            return json.dumps(given).encode()
        wrong = json.dumps(self.wrong_object(given))
        return self.rng.choice([
            wrong, wrong, wrong, wrong, "", "null", "[]", f'"{MARK}"', wrong[:-1], wrong + wrong,
            "[" * 3000, "\ufeff" + wrong, f'{{"{MARK}":1,"{MARK}":2}}',
        ]).encode()

    def form_body(self, schema, name):
        pairs = [(name, str(value)) for name, value in self.value(schema, name).items()]
        if not self.chance(RIGHT):
            pairs = [(name, str(value)) for name, value in self.wrong_object(dict(pairs)).items()]
        if self.chance(0.1) and pairs:
            pairs.append(self.rng.choice(pairs))
        body = wire.encode(pairs)
        return (body if self.chance(0.95) else body + f"&%{MARK}&=&&{MARK}").encode()

    # ---- requests ----

    def request(self, path, method):
        """Method, target, headers and body for an operation of support/description.py."""
        operation = path.operations[method]
        target, query, headers = path.template, [], []
        for parameter in path.parameters + operation.get("parameters", []):
            name = parameter["name"]
            if parameter["in"] == "path":
                known = f"{path.template} {name}"
                text = urllib.parse.quote(self.wrong_text(parameter["schema"], known) or MARK,
                                          safe="/" if parameter.get("x-many-segments") else "")
                target = target.replace(f"{{{name}}}", text)
            elif not self.chance(GIVEN):
                continue
            elif parameter["in"] == "query":
                query += self.parameter(parameter)
            else:
                headers.append((name, visible(self.wrong_text(parameter["schema"], name))))
        if self.chance(0.1):
            query.append((self.text(), self.text()))
        if query:
            target += "?" + urllib.parse.urlencode(query)
        body, content = self.body(operation, f"{path.template} body")
        headers += content + self.credentials(operation["security"])
        return self.method(path, method), target, headers, body

    def parameter(self, parameter):
        values = self.value(parameter["schema"], parameter["name"])
        if not isinstance(values, list):
            values = [self.wrong_text(parameter["schema"], parameter["name"])]
        if self.chance(0.05):
            values = values * 2
        return [(parameter["name"], value) for value in values]

    def method(self, path, method):
        if path.takes_any_method:
            return self.rng.choice(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        return "HEAD" if method == "get" and self.chance(0.1) else method.upper()

    def body(self, operation, name):
        content = operation.get("requestBody", {}).get("content", {})
        for media_type, described in content.items():
            make = self.form_body if media_type == FORM else self.json_body
            given = media_type if self.chance(0.97) else self.rng.choice(["", "text/plain", MARK])
            return make(described["schema"], name), [("Content-Type", given)]
        return (b"" if self.chance(0.9) else MARK.encode()), []

    def credentials(self, security):
        """Of one of the ways that the operation names, as a rule."""
        schemes = list(self.rng.choice(security or [{}]))
        if self.chance(0.1):
            schemes = [self.rng.choice(["client", "bearer"])]
        given = [self.rng.choice(self.known["security " + scheme]) for scheme in schemes]
        if self.chance(0.05):
            given = [self.rng.choice(["", "Basic", "Bearer", f"Bearer {MARK}", f"Basic {MARK}", MARK,
                                      wire.basic(MARK, MARK), "Basic Og=="])]
        return [("Authorization", value) for value in given]


def written(value):
    """As a parameter has it."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def visible(text):
    """What a header may hold."""
    return "".join(letter for letter in text if " " <= letter <= "~").strip()
