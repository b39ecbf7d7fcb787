"""What `taskward doctor` finds."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How a finding looks."""

    OK = ("✓", "green")
    WARNING = ("!", "yellow")
    ERROR = ("✗", "bold red")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do if it is not well."""

    subject: str
    severity: Severity
    message: str
    advice: str = ""
