"""What is mutated, and which tests have to notice, those that notice most first."""

from dataclasses import dataclass

_TASK_STORE = (
    r"_OWNED|_ONE|TASKS_AS_JSON|_list|(NEW|_UPDATED)_COLUMNS|_CLEARABLE|_UPDATE|_TOGGLE|_DELETE|_if_match|[A-Z]+_TASKS?(_OF_USER|_IF_MATCH)?"
    r"|create|list_all|get|_given|update_content|toggle|remove(_all)?|_change_if_match|found|stored|listed"
)
"""Statements and functions; without what words, parses and dates only."""
_TASKS = (
    r"AuthenticatedRoute|_provide_\w+|[a-z]+_tasks?|_found|_created|_listed|_may_list|_on_\w+"
    r"|BATCHED|_(CREATE|GET|TOGGLE|LISTS)"
)
_OAUTH = "packages/authward/src/authward/plugins/oauth_provider/"
_OAUTH_TESTS = ("tests/auth/test_oauth_provider.py", "tests/auth/test_oauth_attacks.py")
_LOGOUT_TESTS = ("tests/auth/test_oauth_logout_hints.py", "tests/auth/test_oauth_logout.py")
_SECURITY = "packages/authward/src/authward/security/"
_SESSIONS = r"Sessions|Kept|_WHICH|_deletion|_ending"


@dataclass(frozen=True, slots=True)
class Target:
    """A file, what of it is mutated, and its tests."""

    file: str
    tests: tuple[str, ...]
    parts: str = ".*"


TARGETS = {
    "task_store": Target(
        "packages/taskward/src/taskward/tasks/store.py",
        (
            "tests/database/test_task_statements.py",
            "tests/database/test_batch_places.py",
            "tests/database/test_batches.py",
            "tests/api/test_isolation.py",
            "tests/api/test_preconditions.py",
            "tests/api/test_tasks.py",
        ),
        _TASK_STORE,
    ),
    "tool_statements": Target(
        "packages/taskward/src/taskward/tasks/tool_statements.py",
        (
            "tests/database/test_task_statements.py",
            "tests/assistants/test_tools.py",
            "tests/database/test_row_level_security.py",
        ),
        r"_OWNED|_ONE|_value|_VALUES|_IS_CHANGED|_UPDATED_AT|_OF_STATUS|_WORDS|_HAS_WORDS|_NEW(_COLUMNS)?|_search|[A-Z]+_TASKS?|change|add_all|search",
    ),
    "tools": Target(
        "packages/taskward/src/taskward/mcp/tools.py",
        ("tests/assistants/test_tools.py", "tests/assistants/test_unavailable.py"),
        r"call|[a-z]+_tasks?|_changed|_brief|_that_fit",
    ),
    "tool_arguments": Target(
        "packages/taskward/src/taskward/mcp/arguments.py",
        ("tests/assistants/test_tools.py", "tests/assistants/test_hostile_input.py"),
        "parse|_sentence|_whole|TaskId",
    ),
    "assistants_tokens": Target(
        "packages/taskward/src/taskward/mcp/auth.py",
        ("tests/assistants/test_endpoint.py", "tests/assistants/test_access_tokens.py"),
    ),
    "mcp_endpoint": Target(
        "packages/taskward/src/taskward/mcp/endpoint.py",
        (
            "tests/assistants/test_endpoint.py",
            "tests/assistants/test_protocol.py",
            "tests/assistants/test_access_tokens.py",
        ),
        r"MCPEndpoint|_hosts|_check_\w+|_rewritten|_replay",
    ),
    "assistants_access_tokens": Target(
        _OAUTH + "access_token.py",
        ("tests/auth/test_remembered_tokens.py", "tests/assistants/test_access_tokens.py"),
    ),
    "oauth_consents": Target(
        _OAUTH + "consents.py",
        ("tests/auth/test_oauth_consents.py", "tests/auth/test_oauth_refresh.py", *_OAUTH_TESTS),
    ),
    "oauth_holding": Target(_OAUTH + "holding.py", ("tests/auth/test_oauth_refresh.py",)),
    "oauth_codes": Target(_OAUTH + "codes.py", _OAUTH_TESTS),
    "oauth_redirects": Target(_OAUTH + "redirects.py", _OAUTH_TESTS),
    "oauth_signed_query": Target(
        _OAUTH + "signed_query.py", ("tests/auth/test_oauth_signed_query.py", *_OAUTH_TESTS)
    ),
    "oauth_consent": Target(
        _OAUTH + "consent.py", ("tests/auth/test_oauth_consent_page.py", *_OAUTH_TESTS)
    ),
    "oauth_refresh": Target(
        _OAUTH + "refresh.py", ("tests/auth/test_oauth_refresh.py", *_OAUTH_TESTS)
    ),
    "oauth_signed_out": Target(
        _OAUTH + "signed_out.py",
        ("tests/auth/test_oauth_signed_out.py", "tests/auth/test_oauth_refresh.py"),
    ),
    "oauth_logout": Target(_OAUTH + "logout.py", _LOGOUT_TESTS),
    "oauth_logout_pages": Target(_OAUTH + "logout_pages.py", _LOGOUT_TESTS),
    "key_set": Target(
        _SECURITY + "key_set.py",
        ("tests/auth/test_own_keys.py", "tests/auth/test_remembered_tokens.py"),
    ),
    "oauth_unused_clients": Target(
        _OAUTH + "unused_clients.py", ("tests/auth/test_oauth_endings.py",)
    ),
    "task_batches": Target(
        "packages/taskward/src/taskward/tasks/batches.py",
        (
            "tests/database/test_batch_pairs.py",
            "tests/database/test_batches.py",
            "tests/database/test_batch_places.py",
            "tests/database/test_task_statements.py",
        ),
    ),
    "batch_pairs": Target(
        "packages/taskward/src/taskward/database/batch_pairs.py",
        ("tests/database/test_batch_pairs.py",),
    ),
    "batch_scheduler": Target(
        "packages/taskward/src/taskward/database/batch_scheduler.py",
        ("tests/database/test_batches.py", "tests/database/test_batch_pairs.py"),
    ),
    "batches": Target(
        "packages/taskward/src/taskward/database/batcher.py",
        (
            "tests/database/test_batch_places.py",
            "tests/database/test_batches.py",
            "tests/api/test_exhaustion.py",
        ),
    ),
    "tasks": Target(
        "packages/taskward/src/taskward/tasks/endpoints.py",
        (
            "tests/database/test_task_statements.py",
            "tests/api/test_isolation.py",
            "tests/api/test_routes.py",
            "tests/api/test_tasks.py",
            "tests/api/test_openapi.py",
        ),
        _TASKS,
    ),
    "operations": Target(
        "packages/taskward/src/taskward/http/operations.py",
        (
            "tests/http/test_operations.py",
            "tests/http/test_direct.py",
            "tests/api/test_routes.py",
            "tests/http/test_fast_path.py",
        ),
        "_compile|_reads_digits|find|unique|authenticate|(path_|query_)?arguments|takes_body|body_argument",
    ),
    "direct": Target(
        "packages/taskward/src/taskward/http/direct.py",
        ("tests/http/test_direct.py", "tests/http/test_known_heads.py"),
        "DirectRequest|DirectPath",
    ),
    "arrays": Target(
        "packages/authward/src/authward/storage/arrays.py",
        ("tests/database/test_arrays.py", "tests/database/test_batches.py"),
        "array_text|_element",
    ),
    "known_heads": Target(
        "packages/taskward/src/taskward/http/known_heads.py",
        ("tests/http/test_known_heads.py",),
    ),
    "tokens": Target(
        "packages/authward/src/authward/security/jwt.py",
        (
            "tests/auth/test_tokens.py",
            "tests/auth/test_token_times.py",
            "tests/auth/test_jwks.py",
        ),
    ),
    "current_user": Target(
        "packages/authward/src/authward/fastapi/current_user.py",
        ("tests/api/test_credentials.py", "tests/api/test_routes.py", "tests/auth/test_jwks.py"),
    ),
    "session": Target(
        "packages/authward/src/authward/core/session.py",
        (
            "tests/api/test_sessions.py",
            "tests/isolation/test_matrix.py",
            "tests/auth/test_cookies.py",
        ),
        r"[a-z_]+",
    ),
    "new_sessions": Target(
        "packages/authward/src/authward/storage/new_sessions.py",
        ("tests/api/test_sessions.py", "tests/isolation/test_matrix.py", "tests/api/test_users.py"),
        "SESSION_VALUES|NewSession",
    ),
    "sessions": Target(
        "packages/authward/src/authward/storage/sessions.py",
        ("tests/api/test_sessions.py", "tests/isolation/test_matrix.py", "tests/api/test_users.py"),
        _SESSIONS,
    ),
    "stored_sessions": Target(
        "packages/authward/src/authward/storage/session_store.py",
        ("tests/auth/test_stored_sessions.py",),
    ),
}
