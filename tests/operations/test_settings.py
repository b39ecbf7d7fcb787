"""Settings: what is wrong is refused by name before anything starts; no secret is ever shown."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from authward import plugins
from taskward.settings import Settings, load_settings
from tests.support.forking import run_module
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT

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


# The file .env

LINES = f"JWT_EXPIRES_IN=60\nBETTER_AUTH_SECRET={SECRET}é\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_dotenv_file_is_utf_8_with_or_without_a_byte_order_mark(
    environment: SetUp, encoding: str, end: str
) -> None:
    Path(".env").write_bytes(LINES.replace("\n", end).encode(encoding))
    settings = load_settings()
    assert settings.jwt_expires_in == 60
    assert settings.secrets() == (f"{SECRET}é",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        *(
            (LINES.encode(encoding), r"is UTF-16, .*Set-Content -Encoding utf8")
            for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")
        ),
        (LINES.encode("latin-1"), "line 2: not UTF-8"),
        (LINES.encode().replace(b"k9k9", b"k9\0k9", 1), "line 2: a NUL character"),
    ],
)
def test_any_other_encoding_of_the_dotenv_file_is_named_and_nothing_of_it_shown(
    environment: SetUp, content: bytes, says: str
) -> None:
    Path(".env").write_bytes(content)
    message = refusal()
    assert re.match(rf"Taskward cannot start:\n  \.env: {says}", message), message
    assert "k9" not in message


def test_a_directory_of_that_name_is_no_dotenv_file(environment: SetUp) -> None:
    Path(".env").mkdir()
    assert load_settings() == Settings(_env_file=None)


# Values


def test_without_any_variable_the_defaults_hold(environment: SetUp) -> None:
    """`.env.example` lists them; these are those that do not stand there."""
    settings = load_settings()
    assert (settings.database_url, settings.better_auth_secret) == (None, None)
    assert settings.rate_limit is False


def test_the_public_address_follows_the_port_unless_it_is_set(environment: SetUp) -> None:
    environment(PORT="9000")
    assert load_settings().better_auth_url == "http://localhost:9000"
    environment(BETTER_AUTH_URL="https://api.example.com")
    assert load_settings().better_auth_url == "https://api.example.com"


READ = {
    "DATABASE_URL": (DATABASE_URL, SecretStr(DATABASE_URL)),
    "BETTER_AUTH_SECRET": (SECRET, SecretStr(SECRET)),
    "BETTER_AUTH_URL": ("https://API.example.com:8443/", "https://api.example.com:8443"),
    "BETTER_AUTH_TRUSTED_ORIGINS": (
        " https://app.example.com , https://*.example.org,,",
        ("https://app.example.com", "https://*.example.org"),
    ),
    "JWT_EXPIRES_IN": ("60", 60),
    "SESSION_EXPIRES_IN": ("3600", 3600),
    "SESSION_UPDATE_AGE": ("600", 600),
    "COOKIE_SAME_SITE": ("strict", "strict"),
    "COOKIE_DOMAIN": ("example.com", "example.com"),
    "COOKIE_PREFIX": ("shop", "shop"),
    "RATE_LIMIT_ENABLED": ("false", False),
    "TRUSTED_PROXY_HOPS": ("2", 2),
    "DATA_DIR": ("~/elsewhere", Path.home() / "elsewhere"),
    "LOG_FORMAT": ("console", "console"),
    "MIGRATE_ON_START": ("false", False),
    "HOST": ("0.0.0.0", "0.0.0.0"),
    "PORT": (" 9000", 9000),
    "WEB_CONCURRENCY": ("3", 3),
    "KEEP_ALIVE": ("620", 620),
}


def test_every_variable_is_read(environment: SetUp) -> None:
    environment(**{name: text for name, (text, _) in READ.items()})
    settings = load_settings()
    assert {name: getattr(settings, name.lower()) for name in READ} == {
        name: value for name, (_, value) in READ.items()
    }
    assert (settings.rate_limit, settings.log_style) == (False, "console")


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
        *(("SESSION_UPDATE_AGE", value) for value in ("-1", "1.5", "1d")),
        *(("COOKIE_SAME_SITE", value) for value in ("None", "no", "Lax")),
        ("COOKIE_SAME_SITE", "none"),
        *(("COOKIE_DOMAIN", value) for value in ("example.com", "host", "com", "a;b")),
        *(("COOKIE_PREFIX", value) for value in ("a b", "a;", "é", "a=", "x" * 200)),
        ("RATE_LIMIT_ENABLED", "perhaps"),
        *(("TRUSTED_PROXY_HOPS", value) for value in ("-1", "all", "1000")),
        ("LOG_FORMAT", "xml"),
        ("DATA_DIR", "a\udcffb"),
        ("DATA_DIR", "y" * 300),
        ("DATA_DIR", "~nobody-has-this-name/x"),
        ("MIGRATE_ON_START", "later"),
        *(("PORT", value) for value in ("abc", "99999", "-1", "80.5", "tcp://10.0.0.1:80")),
        *(("WEB_CONCURRENCY", value) for value in ("0", "-1", "auto", "9" * 9)),
        *(("KEEP_ALIVE", value) for value in ("0", "-1", "forever", "1e9")),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_no_secret_is_shown(
    environment: SetUp, name: str, value: str
) -> None:
    environment(**{name: value})
    message = refusal()
    assert message.startswith(f"Taskward cannot start:\n  {name}: ")
    assert len(message.splitlines()) == 2
    assert PASSWORD not in message
    assert "SECRET" not in name or value not in message


@pytest.mark.parametrize(
    ("update_age", "lifetime"), [("604801", ""), ("61", "60"), ("9" * 40, "60")]
)
def test_a_session_cannot_be_extended_after_its_end(
    environment: SetUp, update_age: str, lifetime: str
) -> None:
    environment(SESSION_UPDATE_AGE=update_age, SESSION_EXPIRES_IN=lifetime)
    lifetime = lifetime or "604800"
    assert (
        f"SESSION_UPDATE_AGE must be at most SESSION_EXPIRES_IN, which is {lifetime}" in refusal()
    )
    environment(SESSION_UPDATE_AGE=lifetime)
    assert load_settings().session_update_age == int(lifetime)


def test_a_secret_needs_32_characters(environment: SetUp) -> None:
    environment(BETTER_AUTH_SECRET="k" * 31)
    assert "at least 32 characters" in refusal()
    environment(BETTER_AUTH_SECRET="k" * 32)
    assert load_settings().secrets() == ("k" * 32,)


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


# The generated secret, of which test_generated_secret.py has more


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
    assert "DATA_DIR: [Errno 20] It is no directory: 'file'" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr + ended.stdout


def run(
    command: list[str], directory: Path, settings: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return run_module(
        [sys.executable, "-m", *command],
        directory,
        clean_environment({**settings, "PYTHONPATH": str(ROOT)}),
    )


# Plugins


def test_plugins_are_named_with_commas_between_them_and_each_counts_once(
    environment: SetUp,
) -> None:
    assert load_settings().better_auth_plugins == ()
    environment(BETTER_AUTH_PLUGINS=" username ,, username,")
    assert load_settings().better_auth_plugins == ("username",)


@pytest.mark.parametrize("value", ["usernames", "Username", "jwt", "username;admin", "username,x"])
def test_a_plugin_that_there_is_not_is_refused_by_name(environment: SetUp, value: str) -> None:
    environment(BETTER_AUTH_PLUGINS=value)
    unknown = value.rpartition(",")[2]
    assert f"BETTER_AUTH_PLUGINS: there is no plugin {unknown!r}" in refusal()
    assert refusal().endswith(f"there are: {', '.join(plugins.NEED_NO_CODE)}")
