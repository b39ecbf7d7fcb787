"""What every error looks like."""

import httpx

NOT_AUTHENTICATED = ("Not authenticated", "Bearer")


INVALID = (
    "Invalid token",
    'Bearer error="invalid_token", error_description="Invalid token"',
)


EXPIRED = (
    "Token expired",
    'Bearer error="invalid_token", error_description="Token expired"',
)


def assert_is_an_error(answer: httpx.Response, status: int) -> None:
    body = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert type(body["detail"]) is str
    assert body.keys() == ({"detail", "errors"} if status == 422 else {"detail"})
    for error in body.get("errors", []):
        assert error.keys() == {"loc", "msg", "type"}
