"""Somebody's rows in every table of every plugin, made of the registry, and who names them.

All texts of the rows have `MARK` in them, so that an answer or a change shows where it came from.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest
from typing import Any, Final
from urllib.parse import urlencode

from authward.schema.fields import DBField, DBTable, Reference
from authward.schema.registry import AuthSchema
from authward.storage.statements import Executor
from tests.conftest import PASSWORD
from tests.support.every_plugin import Operation

MARK: Final = "b0b5"
ID: Final = "id"
NOBODYS: Final = frozenset({"jwks", "rateLimit"})
"""Tables whose rows belong to no user."""


def id_of(model: str) -> str:
    """Bob's row of a table."""
    return f"{MARK}{model.lower()}z"


EMAIL: Final = f"{MARK}@example.com"
USER: Final = id_of("user")
_VALUES: Final[dict[tuple[str, str], Any]] = {
    ("user", "email"): EMAIL,
    ("user", "role"): "user",
    ("user", "banned"): False,
    ("user", "banExpires"): None,
    ("user", "isAnonymous"): False,
    ("user", "phoneNumber"): f"+{MARK}z",
    ("session", "activeOrganizationId"): id_of("organization"),
    ("session", "activeTeamId"): id_of("team"),
    ("account", "providerId"): "credential",
    ("account", "accountId"): USER,
    ("verification", "value"): USER,
    ("organization", "metadata"): json.dumps({"secret": MARK}),
    ("organizationRole", "permission"): json.dumps({"member": ["create"]}),
    ("member", "role"): "owner",
    ("invitation", "email"): EMAIL,
    ("invitation", "role"): "member",
    ("invitation", "status"): "pending",
    ("invitation", "teamId"): id_of("team"),
    ("apikey", "configId"): "default",
    ("apikey", "referenceId"): USER,
    ("apikey", "permissions"): None,
    ("apikey", "metadata"): json.dumps({"secret": MARK}),
    ("deviceCode", "userId"): USER,
    ("deviceCode", "status"): "pending",
    ("oauthClient", "clientId"): id_of("oauthClient"),
}
"""Where the text has to be another for the row to be one that could be used."""


def _referred(to: Reference) -> str:
    usual = f"{MARK}{to.model.lower()}{to.field.lower()}z"
    text: str = id_of(to.model) if to.field == ID else _VALUES.get((to.model, to.field), usual)
    return text


def _value(model: str, name: str, field: DBField) -> Any:
    if (model, name) in _VALUES:
        return _VALUES[model, name]
    if field.references is not None:
        return _referred(field.references)
    if field.is_json:
        return [MARK] if field.type == "string[]" else {"secret": MARK}
    plain = {"boolean": True, "number": 1, "date": datetime.now(UTC) + timedelta(days=1)}
    kind = field.type if isinstance(field.type, str) else "string"
    return plain.get(kind, f"{MARK}{model.lower()}{name.lower()}z")


def _in_order(schema: AuthSchema) -> Iterator[tuple[str, DBTable]]:
    """Tables after those that they refer to."""
    left = {model: table for model, table in schema.tables.items() if model not in NOBODYS}
    while left:
        for model, table in [*left.items()]:
            references = {f.references.model for f in table.fields.values() if f.references}
            if not references & left.keys() - {model}:
                yield model, left.pop(model)


async def write_rows(database: Executor, schema: AuthSchema) -> None:
    """Write one row of Bob's into every table that is somebody's."""
    for model, table in _in_order(schema):
        row = {name: _value(model, name, field) for name, field in table.fields.items()}
        row = {"id": id_of(model), **{table.column(name): value for name, value in row.items()}}
        columns = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join(f"${number + 1}" for number in range(len(row)))
        text = f'INSERT INTO "{table.name or model}" ({columns}) VALUES ({marks})'
        await database.fetch(text, *(_encoded(value) for value in row.values()))


def _encoded(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


async def rows(database: Executor, schema: AuthSchema) -> dict[str, list[str]]:
    """All rows that are Bob's, as texts."""
    return {
        model: [
            row["text"]
            for row in await database.fetch(
                f'SELECT t::text AS text FROM "{table.name or model}" t WHERE id = $1', id_of(model)
            )
        ]
        for model, table in _in_order(schema)
    }


def names(schema: AuthSchema) -> list[tuple[str, str]]:
    """What of Bob's one could name: the column, and the text in it."""
    found = [
        (f"{model} {name}", id_of(model) if name == ID else _value(model, name, field))
        for model, table in _in_order(schema)
        for name, field in {ID: DBField(type="string"), **table.fields}.items()
        if field.is_text and field.references is None
    ]
    of_texts = {text: name for name, text in found if MARK in str(text)}
    return [(name, text) for text, name in of_texts.items()]


def distance(path: str, field: str, column: str) -> int:
    """How unlikely a field of a request names such a column."""
    wanted, of_path = _plain(field), _plain(path)
    model, _, name = column.lower().partition(" ")
    is_id = name == ID and model.endswith(wanted.removesuffix(ID))
    is_it = is_id or wanted in {name, f"{model}{name}", f"{model}s{name}"}
    is_like = name in wanted or wanted in name or model in wanted
    return (0 if is_it else 2 if is_like else 4) + (model not in of_path)


def _plain(text: str) -> str:
    return text.lower().replace("_", "").replace("-", "")


_RIGHT: Final[dict[str, Any]] = {
    "password": PASSWORD,
    "newPassword": PASSWORD,
    "email": "somebody@example.com",
    "newEmail": "somebody.new@example.com",
    "name": "Alice",
    "slug": "alice",
    "role": "member",
    "permission": {"member": ["create"]},
    "permissions": {"member": ["create"]},
    "data": {"name": "Alice"},
    "update": {"client_name": "Alice", "scopes": ["openid"]},
    "type": "sign-in",
    "response": {"id": "x", "rawId": "x", "response": {}, "type": "public-key"},
    "redirect_uris": ["https://alice.example/back"],
    "redirect_uri": "https://alice.example/back",
    "resources": ["https://resource.example/mcp"],
    "resource": "https://resource.example/mcp",
    "authorizationURL": "https://alice.example/?state=x",
    "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
    "phoneNumber": "+4912345678",
    "username": "somebody",
}
_OF_KIND: Final[dict[str, Any]] = {
    "string": "x",
    "email": "somebody@example.com",
    "number": 1,
    "boolean": True,
    "object": {},
    "array": ["x"],
}


def contents(operation: Operation, things: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Bodies or queries that name each of Bob's things in each field, the likeliest first."""
    schema = operation.endpoint.body or operation.endpoint.query
    fields = schema.fields if schema else {}
    right = {
        name: _RIGHT.get(name, _OF_KIND[field.kind])
        for name, field in fields.items()
        if field.required
    }
    texts = [name for name, field in fields.items() if field.kind in {"string", "email"}]
    of_fields = [
        [
            {**right, **more, name: text}
            for _, text in sorted(
                things, key=lambda thing: distance(operation.endpoint.path, name, thing[0])
            )
            for more in _beside(name, texts)
        ]
        for name in texts
    ]
    in_turn = chain.from_iterable(zip_longest(*of_fields))
    return [right, *(content for content in in_turn if content is not None)]


def _beside(name: str, texts: list[str]) -> list[dict[str, Any]]:
    """Bob's own organization beside it, where one may be named."""
    own = {"organizationId": id_of("organization")}
    return [{}, own] if "organizationId" in texts and name != "organizationId" else [{}]


def request(operation: Operation, content: dict[str, Any]) -> tuple[str, bytes]:
    """The path with its query, and the body."""
    path = f"/api/auth{operation.endpoint.path}"
    if operation.endpoint.body is None or operation.method == "GET":
        return f"{path}?{urlencode(content)}" if content else path, b""
    form = operation.endpoint.forms_only
    return path, (urlencode(content) if form else json.dumps(content)).encode()
