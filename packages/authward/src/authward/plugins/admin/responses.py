"""The answers of `admin`, for the OpenAPI document."""

from pydantic import BaseModel

from authward.schema import responses as schemas


class OneUser(BaseModel):
    """A user, as they are now."""

    user: schemas.User


class Users(BaseModel):
    """A page of users; `total` counts all that are meant, on whatever page they are."""

    users: list[schemas.User]
    total: int
    limit: float | None = None
    offset: float | None = None


class Sessions(BaseModel):
    """The sessions of a user."""

    sessions: list[schemas.Session]
