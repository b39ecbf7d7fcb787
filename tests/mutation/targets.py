"""What is mutated, and which tests have to notice, those that notice most first."""

from dataclasses import dataclass

_TASK_STORE = (
    r"_OWNED|_ONE|_LIST|_ASKED(_FOR)?|_FOUND|_LOCKED|_MINE|_TOGGLE_EACH|_NEW|BATCHABLE|_REPLACE|_TOGGLE|_DELETE|_if_match|[A-Z]+_TASKS?(_OF_USER|_IF_MATCH)?"
    r"|create|list_all|get|replace|toggle|remove(_all)?|_change_if_match|_found"
)
"""Statements and functions; without what words, parses and dates only."""
_TASKS = r"AuthenticatedRoute|_provide_\w+|[a-z]+_tasks?"
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
    "task_store": Target(
        "taskward/task_store.py",
        (
            "tests/test_task_statements.py",
            "tests/test_batches.py",
            "tests/test_isolation.py",
            "tests/test_preconditions.py",
            "tests/test_tasks.py",
        ),
        _TASK_STORE,
    ),
    "batches": Target("taskward/batches.py", ("tests/test_batches.py", "tests/test_exhaustion.py")),
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
    "tokens": Target(
        "taskward/auth/tokens.py",
        (
            "tests/test_tokens.py",
            "tests/test_token_times.py",
            "tests/test_jwks.py",
        ),
    ),
    "current_user": Target(
        "taskward/auth/current_user.py",
        ("tests/test_credentials.py", "tests/test_routes.py", "tests/test_jwks.py"),
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
