"""One message of JSON-RPC out of a request's body, so bounded that nothing behind it needs to be.

What is handed on is written anew from what was read here: no two parsers can disagree about it.
"""

from typing import Any, NamedTuple

import orjson

from authward.bodies import is_too_complex

PARSE_ERROR, INVALID_REQUEST = -32700, -32600
_DEEPEST = 32
_ID_MAX_LENGTH = 256
_METHOD_MAX_LENGTH = 100
_MEMBERS = ("jsonrpc", "id", "method", "params")


class RefusedMessageError(Exception):
    """No message of this protocol."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class RPCMessage(NamedTuple):
    """A request, or a notification."""

    method: str
    params: dict[str, Any]
    body: bytes

    @property
    def tool(self) -> str | None:
        """The name of the tool that is called."""
        name = self.params.get("name") if self.method == "tools/call" else None
        return name if isinstance(name, str) else None


def read_message(raw: bytes) -> RPCMessage:
    """Parse a body.

    Raises:
        RefusedMessageError: it is no single message, or would take long to read.
    """
    if is_too_complex(raw):
        raise RefusedMessageError(413, INVALID_REQUEST, "The message has too many parts")
    try:
        message = orjson.loads(raw)
    except ValueError:
        raise RefusedMessageError(400, PARSE_ERROR, "The body is not valid JSON") from None
    if isinstance(message, list):
        raise _invalid("Send one message at a time: batches are not supported")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise _invalid("The body is not a message of JSON-RPC 2.0")
    _check_members(message)
    if _is_deeper(message, _DEEPEST):
        raise _invalid("The message is nested too deeply")
    known = {name: message[name] for name in _MEMBERS if name in message}
    return RPCMessage(message["method"], message.get("params") or {}, orjson.dumps(known))


def _check_members(message: dict[str, Any]) -> None:
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str) or not 0 < len(method) <= _METHOD_MAX_LENGTH:
        raise _invalid("method must be a string")
    if not isinstance(params, dict | None):
        raise _invalid("params must be an object")
    name = message.get("id", 0)
    is_text = isinstance(name, str) and len(name) <= _ID_MAX_LENGTH
    if not is_text and (not isinstance(name, int) or isinstance(name, bool)):
        raise _invalid(f"id must be an integer, or a string of at most {_ID_MAX_LENGTH} characters")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return not levels or any(_is_deeper(each, levels - 1) for each in inner)
    return False


def _invalid(message: str) -> RefusedMessageError:
    return RefusedMessageError(400, INVALID_REQUEST, message)
