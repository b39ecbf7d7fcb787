"""`Endpoint`: a path of the server, with its handler and its checks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from authward.bodies import FORM, FORM_OR_JSON, JSON_ONLY, MAX_BODY_BYTES
from authward.endpoint_context import EndpointContext
from authward.validation import Schema

Handler: TypeAlias = Callable[[EndpointContext], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path of the server.

    Args:
        path: below the server's path, such as `/sign-in/email` or `/callback/{provider}`.
        handler: returns the content of the JSON response, or raises APIError.
        body, query: the schemas that both are validated with; None for no validation.
        parse_body: whether there is a body to parse.
        max_body: in bytes.
        form_csrf: it signs in, so that forms of other sites are refused; it accepts forms itself.
        accept_forms: it accepts HTML forms, from any site.
        forms_only: it accepts nothing but forms, from any site.
        server_only: a method of `auth.api`, not served over HTTP.
        session: "required" for 401 without a session, "fresh" for 403 with one of yesterday.
        response_model: the pydantic model of the content, for the OpenAPI document; None for an
            endpoint that only redirects.
        additional_fields_of: the model whose additional fields the body may have.
        redirects: it may redirect as well.
        errors: the statuses of its own errors, for the OpenAPI document.
        name: its method of `auth.api`, which is otherwise made of the path.
    """

    path: str
    handler: Handler
    methods: tuple[str, ...] = ("POST",)
    body: Schema | None = None
    query: Schema | None = None
    parse_body: bool = True
    max_body: int = MAX_BODY_BYTES
    form_csrf: bool = False
    accept_forms: bool = False
    forms_only: bool = False
    server_only: bool = False
    session: Literal["required", "fresh"] | None = None
    response_model: Any = None
    """The type of its JSON, for the OpenAPI document; None where it only redirects."""
    additional_fields_of: Literal["user", "session"] | None = None
    """The model whose added fields the body may have."""
    redirects: bool = False
    errors: tuple[int, ...] = ()
    name: str | None = None

    @property
    def api_name(self) -> str:
        """Its method of `auth.api`: `reset_password` for `/reset-password/{token}`."""
        kept = (part for part in self.path.split("/") if part and not part.startswith("{"))
        return self.name or "_".join(kept).replace("-", "_")

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media types of the body: HTML forms may sign in and up."""
        if self.forms_only:
            return (FORM,)
        return FORM_OR_JSON if self.form_csrf or self.accept_forms else JSON_ONLY
