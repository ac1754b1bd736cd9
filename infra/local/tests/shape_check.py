"""Checks the raw answers that a boto3 client receives against botocore's service model.

    checker = ShapeChecker()
    client = checker.attach(boto3.client(...))
    ... calls ...
    assert not checker.faults

botocore itself is lenient: it drops unknown members and does not mind missing ones. Here every answer is
walked with the model of its operation: types, required members, unknown members, enums, patterns, lengths,
ranges and timestamp formats. Of errors, the code must be one that the operation models, with its status.
"""

import datetime
import json
import re


class ShapeChecker:
    """Collects `faults`, one line each, and the names of the `operations` and `errors` it has seen."""

    def __init__(self, unmodelled_errors=()):
        self.faults = []
        self.operations = set()
        self.errors = set()
        self.unmodelled_errors = set(unmodelled_errors)

    def attach(self, client):
        """Makes every answer to the client pass through the checker; gives the client back."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-parse.{service}", self._answer)
        return client

    def _answer(self, operation_model, response_dict, **_):
        name = operation_model.name
        status = response_dict["status_code"]
        try:
            body = json.loads(response_dict["body"] or b"{}")
        except ValueError:
            self._fault(name, "the body is no JSON")
            return
        if status >= 300:
            self._error(operation_model, status, response_dict["headers"], body)
            return
        self.operations.add(name)
        expected = operation_model.http.get("responseCode", 200)
        if status != expected:
            self._fault(name, f"status {status}, expected {expected}")
        if operation_model.output_shape is None:
            return
        self.walk(operation_model.output_shape, body, name)

    def _error(self, operation_model, status, headers, body):
        name = operation_model.name
        code = headers.get("x-amzn-errortype", "").split(":")[0]
        self.errors.add((name, code))
        shapes = {shape.error_code: shape for shape in operation_model.error_shapes}
        if not (body.get("message") or body.get("Message")):
            self._fault(name, f"{code} has no message")
        if code in self.unmodelled_errors:
            return
        if code not in shapes:
            self._fault(name, f"`{code}` is no error of this operation")
            return
        expected = shapes[code].metadata.get("error", {}).get("httpStatusCode")
        if expected not in (None, status):
            self._fault(name, f"{code} came with status {status}, expected {expected}")

    def walk(self, shape, value, path):
        """Checks a value against a shape; `path` says where it is."""
        check = getattr(self, f"_{shape.type_name}", None)
        if check is None:
            self._fault(path, f"type `{shape.type_name}` cannot be checked")
        else:
            check(shape, value, path)

    def _structure(self, shape, value, path):
        if not isinstance(value, dict):
            self._fault(path, "expected a structure")
            return
        if shape.is_document_type:
            return
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        in_body = {name: member for name, member in names.items() if "location" not in member.serialization}
        for name in shape.required_members:
            serialized = shape.members[name].serialization.get("name", name)
            if serialized in in_body and value.get(serialized) is None:
                self._fault(f"{path}.{name}", "required, and absent")
        for name, item in value.items():
            if name not in in_body:
                self._fault(f"{path}.{name}", "unknown member")
            elif item is not None:
                self.walk(in_body[name], item, f"{path}.{name}")

    def _list(self, shape, value, path):
        if not isinstance(value, list):
            self._fault(path, "expected a list")
            return
        self._bounds(shape, len(value), path)
        for index, item in enumerate(value):
            self.walk(shape.member, item, f"{path}[{index}]")

    def _map(self, shape, value, path):
        if not isinstance(value, dict):
            self._fault(path, "expected a map")
            return
        self._bounds(shape, len(value), path)
        for key, item in value.items():
            self.walk(shape.key, key, f"{path} key")
            self.walk(shape.value, item, f"{path}.{key}")

    def _string(self, shape, value, path):
        if not isinstance(value, str):
            self._fault(path, f"expected a string, found {value!r}")
            return
        self._bounds(shape, len(value), path)
        pattern = shape.metadata.get("pattern")
        if pattern and not re.search(python_pattern(pattern), value):
            self._fault(path, f"{value!r} does not match {pattern}")
        if shape.enum and value not in shape.enum:
            self._fault(path, f"{value!r} is none of {shape.enum}")

    def _integer(self, shape, value, path):
        if isinstance(value, bool) or not isinstance(value, int):
            self._fault(path, f"expected an integer, found {value!r}")
        else:
            self._bounds(shape, value, path)

    _long = _integer

    def _double(self, shape, value, path):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._fault(path, f"expected a number, found {value!r}")
        else:
            self._bounds(shape, value, path)

    _float = _double

    def _boolean(self, shape, value, path):
        if not isinstance(value, bool):
            self._fault(path, f"expected true or false, found {value!r}")

    def _timestamp(self, shape, value, path):
        if shape.serialization.get("timestampFormat", "unixTimestamp") == "iso8601":
            try:
                datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
            except (AttributeError, ValueError):
                self._fault(path, f"expected an ISO 8601 timestamp, found {value!r}")
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            self._fault(path, f"expected seconds since 1970, found {value!r}")

    def _bounds(self, shape, size, path):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and size < low or high is not None and size > high:
            self._fault(path, f"{size} is not within {low} and {high}")

    def _fault(self, path, message):
        self.faults.append(f"{path}: {message}")


# Classes of Java's patterns that Python does not know, and what comes nearest: the first three within a set.
JAVA_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s", r"\p{ASCII}": r"[\x00-\x7f]"}


def python_pattern(pattern):
    """A pattern of a service model as Python's `re` reads it."""
    for java, python in JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return pattern


def self_test(operation_model, good, faulty):
    """Fails unless the checker passes a good answer and finds every one of the faulty answers."""

    def faults(answer):
        checker = ShapeChecker()
        checker.walk(operation_model.output_shape, answer, operation_model.name)
        return checker.faults

    assert not faults(good), faults(good)
    for answer in faulty:
        assert faults(answer), f"the checker has nothing against {answer}"
