"""What is mutated, and which tests have to notice, those that notice most first."""

from dataclasses import dataclass

_TASKS = (
    r"_OWNED|_ONE|_LIST|[A-Z]+_TASKS?(_OF_USER)?|create|list_all|get|replace|toggle|remove(_all)?"
    r"|_found|AuthenticatedRoute|_provide_\w+|[a-z]+_tasks?"
)
"""Statements, functions and endpoints; without what words, parses and dates only."""
_SESSIONS = (
    r"_INSERT_SESSION|_SESSION_VALUES|(?!CREATE_USER)\w+_SESSIONS?(_OF_USER)?"
    r"|NewSession|create_session"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A file, what of it is mutated, and its tests."""

    file: str
    tests: tuple[str, ...]
    parts: str = ".*"


TARGETS = {
    "tasks": Target(
        "taskward/tasks.py",
        (
            "tests/test_task_statements.py",
            "tests/test_isolation.py",
            "tests/test_routes.py",
            "tests/test_tasks.py",
            "tests/test_openapi.py",
        ),
        _TASKS,
    ),
    "tokens": Target("taskward/auth/tokens.py", ("tests/test_tokens.py", "tests/test_jwks.py")),
    "current_user": Target(
        "taskward/auth/current_user.py",
        ("tests/test_errors.py", "tests/test_routes.py", "tests/test_jwks.py"),
    ),
    "session": Target(
        "taskward/auth/routes/session.py",
        ("tests/test_sessions.py", "tests/isolation/test_matrix.py", "tests/test_cookies.py"),
        r"[a-z_]+",
    ),
    "store": Target(
        "taskward/auth/store.py",
        ("tests/test_sessions.py", "tests/isolation/test_matrix.py", "tests/test_users.py"),
        _SESSIONS,
    ),
}
