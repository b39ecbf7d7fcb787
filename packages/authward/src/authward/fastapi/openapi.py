"""The endpoints in the OpenAPI document: operation ids, bodies, and examples that work.

Each body is a named schema: client generators invent names for unnamed ones, which collide.
"""

import inspect
import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, TypeGuard

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from starlette.responses import JSONResponse, Response

from authward.bodies import FORM
from authward.endpoint import Endpoint
from authward.paths import parameter_names
from authward.schema import responses as schemas
from authward.schema.json_schema import (
    replace_models,
    with_additional_fields,
    with_additional_properties,
)
from authward.schema.registry import AuthSchema

TAGS: list[str | Enum] = ["auth"]
EXAMPLES: Mapping[str, Any] = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "newEmail": "ada.lovelace@example.com",
    "password": "correct horse battery staple",
    "currentPassword": "correct horse battery staple",
    "newPassword": "staple battery horse correct",
    "image": "https://example.com/ada.png",
    "provider": "github",
    "token": "LwhHNBB9vjKxKrMdHDRWW6w6k3AcwBVg",
    "accountId": "y4hUSwz8oHSPkqjTBVWUVQDU6NPGIZgB",
    "useAccountCookie": True,
    "userId": "R5xUYRDsZtJ2AlEsMW7yKDJwS2LSbzbF",
    "callbackURL": "/",
    "newUserCallbackURL": "/welcome",
    "errorCallbackURL": "/error",
    "redirectTo": "/reset-password",
    "rememberMe": True,
    "revokeOtherSessions": True,
    "disableRedirect": True,
    "requestSignUp": True,
    "loginHint": "ada@example.com",
    "scopes": ["read:user"],
    "additionalParams": {"prompt": "consent"},
    "additionalData": {"plan": "free"},
    "idToken": {"token": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"},
    "code": "8f3a1c5d",
    "state": "hY2zvcOj",
    "error": "access_denied",
    "error_description": "The user said no",
    "device_id": "1",
    "user": "{}",
    "iss": "https://accounts.google.com",
}
"""Examples of the core's properties and parameters by name; a sign-in matches the sign-up."""

_PLAIN_SIGN_UP = "Registration"
"""The body of `token_login`'s sign-up, which takes a user's added fields too."""
_SCHEMAS = "#/components/schemas/"
_ALSO_FORMS = "An HTML form may send the same, `application/x-www-form-urlencoded`."
"""Only one media type of the body is documented: some generators fail on several."""
_REDIRECT = {
    "description": "Where the browser goes",
    "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
}


@lru_cache(maxsize=512)
def _field_of(model: type[BaseModel]) -> Any:
    """Return what a route has for an answer with this model.

    Shared, as FastAPI would create it for each answer of each route: most of `install`'s time.
    """
    return APIRoute("/", lambda: None, responses={400: {"model": model}}).response_fields[400]


class Documentation:
    """Collects operation ids and the schemas of bodies."""

    def __init__(self, schema: AuthSchema, examples: Mapping[str, Any]) -> None:
        self._examples = {**examples, **EXAMPLES}
        self._names: set[str] = set()
        self._schemas: dict[str, Any] = {}
        self._added = schema.added
        self._models: dict[type[BaseModel], type[BaseModel]] = {
            schemas.User: with_additional_fields(schemas.User, "AuthUser", schema.added["user"]),
            schemas.Session: with_additional_fields(
                schemas.Session, "AuthSession", schema.added["session"]
            ),
        }

    def install(self, app: FastAPI) -> None:
        """Add the schemas of the bodies to the document of `app`."""
        generate = app.openapi

        def openapi() -> dict[str, Any]:
            document = generate()
            known = document.setdefault("components", {}).setdefault("schemas", {})
            known.update(self._schemas)
            if plain := known.get(_PLAIN_SIGN_UP):
                known[_PLAIN_SIGN_UP] = with_additional_properties(
                    plain, self._added["user"], creates=True
                )
            return self._with_added_fields(document)

        app.openapi = openapi  # type: ignore[method-assign]

    def _with_added_fields(self, document: dict[str, Any]) -> dict[str, Any]:
        """Let routers' models, which FastAPI alone documents, show the added fields as well."""
        known = document["components"]["schemas"]
        for plain, model in self._models.items():
            name, full = plain.__name__, model.__name__
            ours = plain.model_json_schema(mode="serialization")
            if name != full and full in known and known.get(name) == ours:
                del known[name]
                document = _with_reference(document, _SCHEMAS + name, _SCHEMAS + full)
                known = document["components"]["schemas"]
        return document

    def operation(self, endpoint: Endpoint, method: str) -> dict[str, Any]:
        """Return the arguments of `add_api_route` for an endpoint and one of its methods."""
        name = self._name(endpoint, method)
        says = inspect.getdoc(endpoint.handler) or ""
        summary, _, more = says.partition("\n")
        description = [more.strip(), *([_ALSO_FORMS] if endpoint.form_csrf else [])]
        redirects_only = endpoint.response_model is None
        model = self._model(endpoint)
        return {
            "methods": [method],
            "operation_id": name,
            "summary": summary.rstrip("."),
            "description": "\n\n".join(filter(None, description)),
            "status_code": 302 if redirects_only else 200,
            "response_class": Response if redirects_only else JSONResponse,
            "response_model": None,
            "responses": _responses(endpoint, {} if _is_named(model) else {"model": model}),
            "openapi_extra": self._request_body(endpoint, name)
            | _parameters(endpoint, self._examples),
        }

    def fields(self, endpoint: Endpoint) -> dict[int | str, Any]:
        """Return the `response_fields` of a route beside what `operation` leads to."""
        fields: dict[int | str, Any] = dict.fromkeys(
            errors_of(endpoint), _field_of(schemas.AuthError)
        )
        model = self._model(endpoint)
        return fields | {200: _field_of(model)} if _is_named(model) else fields

    def _model(self, endpoint: Endpoint) -> Any:
        return replace_models(endpoint.response_model, self._models)

    def _name(self, endpoint: Endpoint, method: str) -> str:
        """Return the name of the original's client: `/sign-in/email` is `signInEmail`.

        OAuth has no version in it: some generators begin a word after a digit, some do not.
        """
        path = endpoint.path.replace("oauth2", "oauth")
        name = to_camel(re.sub(r"\W+", "_", path).strip("_"))
        if name in self._names:
            name += f"By{method.title()}"
        self._names.add(name)
        return name

    def _request_body(self, endpoint: Endpoint, name: str) -> dict[str, Any]:
        if endpoint.body is None:
            return {}
        kind = FORM if endpoint.accept_forms or endpoint.forms_only else endpoint.media_types[-1]
        schema = endpoint.body.json_schema(texts=kind == FORM)
        if endpoint.additional_fields_of is not None:
            added = self._added[endpoint.additional_fields_of]
            schema = with_additional_properties(
                schema, added, creates="name" in endpoint.body.fields
            )
        schema = _with_examples(schema, self._examples)
        schema_name = f"{name[0].upper()}{name[1:]}{'Form' if kind == FORM else 'Body'}"
        self._schemas[schema_name] = {"title": schema_name, **schema}
        reference = {"$ref": f"#/components/schemas/{schema_name}"}
        content = {kind: {"schema": reference, "example": schema["examples"][0]}}
        return {"requestBody": {"content": content, "required": not endpoint.body.optional}}


def _with_reference(part: Any, old: str, new: str) -> Any:
    if isinstance(part, dict):
        if part.get("$ref") == old:
            return {**part, "$ref": new}
        return {name: _with_reference(inner, old, new) for name, inner in part.items()}
    return [_with_reference(inner, old, new) for inner in part] if isinstance(part, list) else part


def errors_of(endpoint: Endpoint) -> tuple[int, ...]:
    """Return the statuses of the errors of an endpoint.

    These are its own, those of the checks before the handler, and 503 without a database.
    """
    checks = {
        400: endpoint.body is not None or endpoint.query is not None,
        401: endpoint.session is not None,
        403: endpoint.methods != ("GET",),
        413: endpoint.body is not None,
        415: endpoint.body is not None,
    }
    checked = {status for status, is_checked in checks.items() if is_checked}
    return tuple(sorted({*endpoint.errors, *checked, 429, 503}))


def _with_examples(schema: dict[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    properties = {
        name: {**of, "example": examples[name]} if name in examples else of
        for name, of in schema["properties"].items()
    }
    example = {name: examples[name] for name in schema["required"] if name in examples}
    return {"examples": [example], **schema, "properties": properties}


def _is_named(model: Any) -> TypeGuard[type[BaseModel]]:
    """Whether a model is documented by its own name, and not by the name of a route."""
    return isinstance(model, type) and issubclass(model, BaseModel)


def _responses(endpoint: Endpoint, answer: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    responses: dict[int | str, dict[str, Any]] = {status: {} for status in errors_of(endpoint)}
    if endpoint.response_model is not None:
        responses[200] = answer
    if "{" in endpoint.path:
        responses[404] = {"description": "No endpoint for the original's router"}
    if endpoint.redirects or endpoint.response_model is None:
        responses[302] = _REDIRECT
    return responses


def _parameters(endpoint: Endpoint, examples: Mapping[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in parameter_names(endpoint.path)
    ]
    if endpoint.query is not None:
        parameters += endpoint.query.query_parameters()
    described = [_with_example(parameter, examples) for parameter in parameters]
    return {"parameters": described} if described else {}


def _with_example(parameter: dict[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    """Swagger UI fills in an `example`, so optional parameters have `examples` instead."""
    if parameter["name"] not in examples:
        return parameter
    example = examples[parameter["name"]]
    schema = {**parameter["schema"], "examples": [example]}
    filled_in = {"example": example} if parameter["required"] else {}
    return {**parameter, "schema": schema, **filled_in}
