"""The file `.env`: UTF-8, with or without a byte order mark, or refused by what it is instead."""

import codecs
from pathlib import Path

from dotenv import dotenv_values

ENCODING = "utf-8-sig"
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def read_dotenv(path: Path = Path(".env")) -> dict[str, str | None]:
    """Return the variables in the file; none where there is no file.

    Raises:
        ValueError: it cannot be read, or is not text in UTF-8; shows nothing of it.
    """
    if not path.is_file():
        return {}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    if (problem := _problem(content)) is not None:
        raise ValueError(f"{path}: {problem}")
    return dotenv_values(path, encoding=ENCODING)


def _problem(content: bytes) -> str | None:
    if content.startswith(_WIDE) or content.count(0) > len(content) // 4:
        return (
            "is UTF-16, as PowerShell's > writes it; in PowerShell, "
            "`(Get-Content .env) | Set-Content -Encoding utf8 .env` makes it UTF-8"
        )
    if (nul := content.find(0)) >= 0:
        return f"line {_line(content, nul)}: a NUL character; remove it"
    try:
        content.decode(ENCODING)
    except UnicodeDecodeError as error:
        return f"line {_line(content, error.start)}: not UTF-8; save the file in that encoding"
    return None


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
