"""Settings: what is wrong is refused by name before anything starts; no secret is ever shown."""

import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from taskward.config import Settings, generated_secret, load_settings
from tests.servers import ROOT, clean_environment

SECRET = "tests-only-" + "k9" * 16
PASSWORD = "hunter2-is-secret"
DATABASE_URL = f"postgresql://someone:{PASSWORD}@127.0.0.1/tasks"
EXAMPLE_LINE = re.compile(r"^# ([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
NAMES = {name.upper() for name in Settings.model_fields}
SetUp = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetUp:
    """Sets variables in an environment, and a directory, that know nothing else of Taskward."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def set_up(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_up


def refusal() -> str:
    """The message with which the settings are refused."""
    with pytest.raises(SystemExit) as caught:
        load_settings()
    return str(caught.value)


# Values


def test_without_any_variable_the_defaults_hold(environment: SetUp) -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.better_auth_secret is None
    assert settings.better_auth_url == "http://localhost:8000"
    assert settings.better_auth_trusted_origins == ("http://localhost:3000",)
    assert (settings.jwt_expires_in, settings.session_expires_in) == (900, 604_800)
    assert settings.trusted_proxy_hops == 0
    assert settings.data_dir == Path(".taskward")
    assert settings.migrate_on_start is True
    assert settings.rate_limit is False


def test_every_variable_is_read(environment: SetUp) -> None:
    environment(
        DATABASE_URL=DATABASE_URL,
        BETTER_AUTH_SECRET=SECRET,
        BETTER_AUTH_URL="https://API.example.com:8443/",
        BETTER_AUTH_TRUSTED_ORIGINS=" https://app.example.com , https://*.example.org,,",
        JWT_EXPIRES_IN="60",
        SESSION_EXPIRES_IN="3600",
        RATE_LIMIT_ENABLED="false",
        TRUSTED_PROXY_HOPS="2",
        DATA_DIR="elsewhere",
        LOG_FORMAT="console",
        MIGRATE_ON_START="false",
    )
    settings = load_settings()
    assert settings.database_url == SecretStr(DATABASE_URL)
    assert settings.better_auth_secret == SecretStr(SECRET)
    assert settings.better_auth_url == "https://api.example.com:8443"
    assert settings.better_auth_trusted_origins == (
        "https://app.example.com",
        "https://*.example.org",
    )
    assert (settings.jwt_expires_in, settings.session_expires_in) == (60, 3600)
    assert (settings.rate_limit, settings.trusted_proxy_hops) == (False, 2)
    assert settings.data_dir == Path("elsewhere")
    assert (settings.log_style, settings.migrate_on_start) == ("console", False)


def test_rate_limits_apply_by_default_only_with_a_database_of_ones_own(environment: SetUp) -> None:
    environment(DATABASE_URL=DATABASE_URL, BETTER_AUTH_SECRET=SECRET)
    assert load_settings().rate_limit is True


@pytest.mark.parametrize("name", sorted(NAMES))
def test_an_empty_variable_means_the_default(environment: SetUp, name: str) -> None:
    environment(**{name: ""})
    assert load_settings() == Settings(_env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"mysql://someone:{PASSWORD}@127.0.0.1/tasks"),
        ("DATABASE_URL", f"{DATABASE_URL}?sslmod=require"),
        ("DATABASE_URL", f"{DATABASE_URL}?sslmode={PASSWORD}"),
        ("DATABASE_URL", PASSWORD),
        ("BETTER_AUTH_SECRET", PASSWORD),
        ("BETTER_AUTH_SECRET", "x" * 31),
        ("BETTER_AUTH_SECRET", "change-me-to-the-output-of-openssl-rand-hex-32"),
        ("BETTER_AUTH_SECRET", "better-auth-secret-12345678901234567890"),
        ("BETTER_AUTH_SECRETS", SECRET),
        ("BETTER_AUTH_SECRETS", f"2:{SECRET},1:short"),
        ("BETTER_AUTH_SECRETS", f"1:{SECRET},1:{SECRET}x"),
        ("BETTER_AUTH_SECRETS", "1:change-me-to-the-output-of-openssl-rand-hex-32"),
        *(("BETTER_AUTH_URL", f"{url}") for url in ("localhost:8000", "ftp://a.example", "x")),
        *(("BETTER_AUTH_URL", f"http://a.example/{more}") for more in ("path", "?query", "#part")),
        ("BETTER_AUTH_URL", f"http://someone:{PASSWORD}@a.example"),
        *(("BETTER_AUTH_URL", f"http://{host}") for host in ("", "a b", "a:99999", "*", "*.a.b")),
        *(("BETTER_AUTH_TRUSTED_ORIGINS", o) for o in ("*", "http://*", "https://*:3000", "**")),
        *(("BETTER_AUTH_TRUSTED_ORIGINS", o) for o in ("https://*.*", "a.example", "null")),
        ("BETTER_AUTH_TRUSTED_ORIGINS", "https://a.example,*"),
        ("BETTER_AUTH_TRUSTED_ORIGINS", "https://a.example/path"),
        *(("JWT_EXPIRES_IN", value) for value in ("0", "-1", "1.5", "soon", "1e3", "9" * 20)),
        *(("SESSION_EXPIRES_IN", value) for value in ("0", "-1", "1.5", "7d", "9" * 20)),
        ("RATE_LIMIT_ENABLED", "perhaps"),
        *(("TRUSTED_PROXY_HOPS", value) for value in ("-1", "all", "1000")),
        ("LOG_FORMAT", "xml"),
        ("MIGRATE_ON_START", "later"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_no_secret_is_shown(
    environment: SetUp, name: str, value: str
) -> None:
    environment(**{name: value})
    message = refusal()
    assert message.startswith(f"Taskward cannot start:\n  {name}: ")
    assert PASSWORD not in message
    assert "SECRET" not in name or value not in message


@pytest.mark.parametrize(("length", "refused"), [(31, True), (32, False)])
def test_a_secret_needs_32_characters(environment: SetUp, length: int, *, refused: bool) -> None:
    environment(BETTER_AUTH_SECRET="k" * length)
    if refused:
        assert "at least 32 characters" in refusal()
    else:
        assert load_settings().secrets() == ("k" * length,)


def test_all_that_is_wrong_is_said_at_once(environment: SetUp) -> None:
    environment(BETTER_AUTH_SECRET="short", JWT_EXPIRES_IN="x", LOG_FORMAT="xml")
    lines = refusal().splitlines()[1:]
    assert [line.partition(":")[0].strip() for line in lines] == [
        "BETTER_AUTH_SECRET",
        "JWT_EXPIRES_IN",
        "LOG_FORMAT",
    ]


def test_a_database_of_ones_own_needs_a_secret_of_ones_own(environment: SetUp) -> None:
    environment(DATABASE_URL=DATABASE_URL)
    message = refusal()
    assert "BETTER_AUTH_SECRET must be set" in message
    assert PASSWORD not in message


def test_settings_never_show_their_secrets(environment: SetUp) -> None:
    environment(DATABASE_URL=DATABASE_URL, BETTER_AUTH_SECRET=SECRET)
    shown = f"{load_settings()!r} {load_settings()}"
    assert PASSWORD not in shown
    assert SECRET not in shown


# Names


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("BETTER_AUTH_SECRETT", "BETTER_AUTH_SECRET"),
        ("BETTER_AUTH_TRUSTED_ORIGIN", "BETTER_AUTH_TRUSTED_ORIGINS"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("JWT_EXPIRE_IN", "JWT_EXPIRES_IN"),
        ("MIGRATE_ON_STARTUP", "MIGRATE_ON_START"),
    ],
)
def test_a_misspelled_name_is_refused_with_the_right_one(
    environment: SetUp, tmp_path: Path, wrong: str, right: str
) -> None:
    environment(**{wrong: PASSWORD})
    assert f"{wrong}: unknown setting, did you mean {right}?" in refusal()
    assert PASSWORD not in refusal()


def test_a_misspelled_name_in_the_file_is_refused_too(environment: SetUp, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_ULR={DATABASE_URL}\n")
    assert "DATABASE_ULR: unknown setting, did you mean DATABASE_URL?" in refusal()


@pytest.mark.parametrize(
    "name", ["DATABASE_URL_UNPOOLED", "NEXT_PUBLIC_BETTER_AUTH_URL", "PGHOST", "XDG_DATA_DIRS"]
)
def test_the_variables_of_others_are_nobodys_business(environment: SetUp, name: str) -> None:
    environment(**{name: "x"})
    assert load_settings() == Settings(_env_file=None)


# The file


def test_the_file_is_read_and_the_environment_counts_more(
    environment: SetUp, tmp_path: Path
) -> None:
    environment(JWT_EXPIRES_IN="60")
    (tmp_path / ".env").write_text("JWT_EXPIRES_IN=30\nTRUSTED_PROXY_HOPS=1\nOTHER=x\n")
    settings = load_settings()
    assert (settings.jwt_expires_in, settings.trusted_proxy_hops) == (60, 1)


def test_a_wrong_value_in_the_file_is_refused_as_well(environment: SetUp, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"BETTER_AUTH_SECRET={PASSWORD}\n")
    assert "BETTER_AUTH_SECRET: " in refusal()
    assert PASSWORD not in refusal()


def example() -> dict[str, str]:
    return dict(EXAMPLE_LINE.findall((ROOT / ".env.example").read_text()))


def test_the_example_file_lists_every_setting_once_and_nothing_else() -> None:
    listed = [name for name, _ in EXAMPLE_LINE.findall((ROOT / ".env.example").read_text())]
    assert sorted(listed) == sorted(NAMES)


def test_the_example_file_changes_nothing_as_it_stands(environment: SetUp, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    assert load_settings() == Settings(_env_file=None)


def test_the_example_file_shows_the_true_defaults(environment: SetUp) -> None:
    defaults = Settings(_env_file=None)
    for name, value in example().items():
        default = getattr(defaults, name.lower())
        if default is not None:
            environment(**{name: value})
            assert getattr(load_settings(), name.lower()) == default, name


def test_the_example_file_shows_what_holds_by_default_in_production(environment: SetUp) -> None:
    environment(DATABASE_URL=DATABASE_URL, BETTER_AUTH_SECRET=SECRET)
    settings = load_settings()
    assert example()["RATE_LIMIT_ENABLED"] == str(settings.rate_limit).lower()
    assert example()["LOG_FORMAT"] == settings.log_style


def test_the_secret_of_the_example_file_is_refused(environment: SetUp) -> None:
    environment(BETTER_AUTH_SECRET=example()["BETTER_AUTH_SECRET"])
    assert "BETTER_AUTH_SECRET: is a published example" in refusal()


# The generated secret


def test_a_generated_secret_is_private_long_and_stays_the_same(tmp_path: Path) -> None:
    secret = generated_secret(tmp_path / "new" / "data")
    assert len(secret) >= 32
    assert stat.S_IMODE((tmp_path / "new" / "data" / "secret").stat().st_mode) == 0o600
    assert generated_secret(tmp_path / "new" / "data") == secret
    assert generated_secret(tmp_path / "other") != secret
    assert [path.name for path in (tmp_path / "new" / "data").iterdir()] == ["secret"]


def test_all_who_ask_for_the_generated_secret_at_once_get_the_same(tmp_path: Path) -> None:
    barrier = threading.Barrier(16)

    def ask(data_dir: Path) -> str:
        barrier.wait()
        return generated_secret(data_dir)

    with ThreadPoolExecutor(16) as pool:
        for attempt in range(20):
            data_dir = tmp_path / str(attempt)
            assert len(set(pool.map(ask, [data_dir] * 16))) == 1


@pytest.mark.parametrize("spoiled", ["", "short", "\n" * 40], ids=["empty", "short", "blank"])
def test_a_spoiled_generated_secret_is_refused(
    environment: SetUp, tmp_path: Path, spoiled: str
) -> None:
    environment(DATA_DIR=str(tmp_path))
    (tmp_path / "secret").write_text(spoiled)
    with pytest.raises((ValueError, SystemExit), match="secret"):
        load_settings().secrets()


# The process


@pytest.mark.parametrize("command", [["uvicorn", "main:app", "--port", "0"], ["taskward"]])
def test_a_server_with_wrong_settings_ends_with_a_readable_message(
    tmp_path: Path, command: list[str]
) -> None:
    wrong = {"DATABASE_URL": f"{DATABASE_URL}?color=red", "JWT_EXPIRES_IN": "x"}
    ended = run(command, tmp_path, wrong)
    assert ended.returncode != 0
    assert ended.stderr.startswith("Taskward cannot start:\n  DATABASE_URL: ")
    assert "\n  JWT_EXPIRES_IN: " in ended.stderr
    assert PASSWORD not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_data_dir_that_cannot_be_one_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = run(["uvicorn", "main:app", "--port", "0"], tmp_path, {"DATA_DIR": "file"})
    assert ended.returncode != 0
    assert "DATA_DIR" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr + ended.stdout


def run(
    command: list[str], directory: Path, settings: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=directory,
        env=clean_environment({**settings, "PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
