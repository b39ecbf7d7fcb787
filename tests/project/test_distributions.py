"""Both distributions, as strangers get them: built, installed alone, run and type-checked."""

import json
import re
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from taskward.settings import WEB
from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.support.environments import build, make_environment
from tests.support.process_environment import clean_environment
from tests.support.servers import HOST, ROOT, SECRET, Server

pytestmark = pytest.mark.long

README = (ROOT / "packages" / "authward" / "README.md").read_text()
HEAVY = (
    "authlib",
    "httpx2",
    "joserfc",
    "alembic",
    "typer",
    "taskward",
    "pydantic_settings",
    "rich",
)

OTHER_SERVER = "BetterAuthOptions('k' * 32, 'http://a', jwks_url='https://b.example/jwks')"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


PROGRAM, OPTIONS, CALLS = blocks("python")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels and sdists, the wheels made of the sdists."""
    directory = tmp_path_factory.mktemp("dist")
    build(directory, "--all-packages")
    return directory


def wheel(dist: Path, name: str) -> Path:
    (found,) = dist.glob(f"{name}-*.whl")
    return found


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def library(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with Authward, without its extras, and a server.

    Asyncpg has its types in a distribution of its own.
    """
    directory = tmp_path_factory.mktemp("library") / "venv"
    return make_environment(
        directory, [wheel(dist, "authward")], ["authward", "uvicorn", "asyncpg-stubs"]
    )


@pytest.fixture(scope="module")
def application(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with Taskward."""
    directory = tmp_path_factory.mktemp("application") / "venv"
    wheels = [wheel(dist, "authward"), wheel(dist, "taskward")]
    return make_environment(directory, wheels, ["taskward"])


def run(program: Path, *arguments: str, cwd: Path, **settings: str) -> str:
    """What a program prints, in an environment that knows nothing of this one."""
    done = subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class InstalledServer(Server):
    """A server out of another environment."""

    def __init__(self, command: Sequence[str], ready_path: str, **settings: str) -> None:
        super().__init__(settings)
        self._command = command
        self.ready_path = ready_path

    def command(self) -> Sequence[str]:
        return [*self._command, "--host", HOST, "--port", str(self.port)]


# What is in them


@pytest.mark.parametrize("name", ["authward", "taskward"])
def test_an_sdist_makes_the_wheel_that_the_sources_make(
    dist: Path, tmp_path: Path, name: str
) -> None:
    build(tmp_path, "--wheel", "--package", name)
    assert contents(wheel(tmp_path, name)) == contents(wheel(dist, name))


def test_the_wheels_have_all_of_the_sources_the_page_and_the_migrations(dist: Path) -> None:
    for name in ("authward", "taskward"):
        source = ROOT / "packages" / name / "src"
        files = {
            str(path.relative_to(source))
            for path in source.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        found = contents(wheel(dist, name)).keys()
        assert {path for path in found if ".dist-info/" not in path} == files
        assert f"{name}/py.typed" in files
        assert any(path.endswith("licenses/LICENSE") for path in found)
    assert any("migrations/versions/0001" in path for path in files)


def test_the_sdists_have_readme_changelog_and_licence_and_nothing_of_this_machine(
    dist: Path,
) -> None:
    for path in dist.glob("*.tar.gz"):
        with tarfile.open(path) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        tops = {name.partition("/")[0] for name in names} - {"src", ".gitignore"}
        assert tops == {"README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", "pyproject.toml"}


def test_what_is_described_is_what_the_readme_says(dist: Path) -> None:
    for name in ("authward", "taskward"):
        readme = (ROOT / "packages" / name / "README.md").read_text()
        (metadata,) = (
            text.decode()
            for path, text in contents(wheel(dist, name)).items()
            if path.endswith("METADATA")
        )
        assert readme.strip() in metadata
        assert f"\nVersion: {version(name)}\n" in metadata


# Authward alone


def test_the_library_alone_needs_nothing_of_its_extras(library: Path, tmp_path: Path) -> None:
    code = f"""
        import importlib.util, sys
        import authward
        print(*(m for m in {HEAVY!r} if m in sys.modules or importlib.util.find_spec(m)))
    """
    assert run(library / "python", "-c", textwrap.dedent(code), cwd=tmp_path).split() == []


def test_a_part_whose_libraries_are_missing_names_its_extra(library: Path, tmp_path: Path) -> None:
    parts = {
        "from authward.oauth import social_provider": "oauth",
        "from authward.oauth import GenericOAuth": "oauth",
        "from authward.oauth.generic import GenericOAuth": "oauth",
        f"from authward import *; BetterAuth({OTHER_SERVER}, None)": "jwks",
    }
    code = f"""
        for statement in {[*parts]!r}:
            try:
                exec(statement)
            except ImportError as error:
                print(type(error).__name__, error)
    """
    says = run(library / "python", "-c", textwrap.dedent(code), cwd=tmp_path).splitlines()
    remedies = [f"pip install 'authward[{extra}]'" for extra in parts.values()]
    assert says == [
        f"MissingExtraError httpx2 is not installed, and this needs it: {remedy}"
        for remedy in remedies
    ]


def test_the_readmes_program_has_twenty_lines() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) == 20


@pytest.fixture(scope="module")
async def program(
    library: Path, create_database: CreateDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The README's `main.py` with its settings beside it, and a database for it."""
    directory = tmp_path_factory.mktemp("program")
    (directory / "main.py").write_text(PROGRAM)
    settings = {"DATABASE_URL": await create_database(), "BETTER_AUTH_SECRET": SECRET}
    (directory / "settings.json").write_text(json.dumps(settings))
    return directory


@pytest.fixture
def server(library: Path, program: Path) -> Iterator[Server]:
    settings = json.loads((program / "settings.json").read_text())
    command = [str(library / "python"), "-m", "uvicorn", "main:app", "--app-dir", str(program)]
    with InstalledServer(command, "/api/auth/ok", **settings) as server:
        yield server


def test_the_readmes_program_signs_up_and_in_and_knows_whose_request_it_is(server: Server) -> None:
    origin = {"origin": "http://localhost:8000"}
    with httpx.Client(base_url=server.url, headers=origin) as client:
        email = new_email()
        body = {"name": "Ada", "email": email, "password": PASSWORD}
        user = client.post("/api/auth/sign-up/email", json=body).json()["user"]
        assert client.get("/profile").json() == {"name": "Ada", "email": email}
        assert client.get("/me").status_code == 401
        token = client.get("/api/auth/token").json()["token"]
        mine = client.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert mine.json() == user["id"]
        client.post("/api/auth/sign-out")
        assert client.get("/profile").status_code == 401
        signed_in = client.post("/api/auth/sign-in/email", json=body)
        assert signed_in.json()["user"]["email"] == email
        assert client.get("/profile").status_code == 200


def test_the_readmes_calls_from_python_do_what_they_say(library: Path, program: Path) -> None:
    settings = json.loads((program / "settings.json").read_text())
    code = "\n".join(
        [
            "import asyncio",
            "from authward import BetterAuth",
            "from main import app, lifespan",
            "async def run():",
            "    async with lifespan(app):",
            textwrap.indent(CALLS, " " * 8),
            "asyncio.run(run())",
        ]
    )
    run(library / "python", "-c", code, cwd=program, **settings)


def test_the_readmes_options_are_options(library: Path, tmp_path: Path) -> None:
    code = OPTIONS + "from authward import BetterAuth\nBetterAuth(options, None)\n"
    run(library / "python", "-c", code, cwd=tmp_path)


# Types

CONSUMER = """
from contextlib import asynccontextmanager
from collections.abc import AsyncIterator

import asyncpg
from fastapi import FastAPI

from authward import (
    APIError, BetterAuth, BetterAuthOptions, Code, CurrentSession, CurrentUser, DBField, DBTable,
    Endpoint, ErrorCode, EmailLink, EmailAndPasswordOptions, Plugin, SessionOptions, UserOptions,
    plugins,
)


class MyCode(ErrorCode):
    NO_MORE = 400, "No more"


async def send(link: EmailLink) -> None:
    print(link.user.email, link.url)


def invitations() -> Plugin:
    return Plugin(
        id="invitations",
        schema={"user": DBTable(fields={"invitedBy": DBField(type="string", required=False)})},
        error_codes=MyCode,
    )


options = BetterAuthOptions(
    secret="k" * 32,
    base_url="http://localhost:8000",
    session=SessionOptions(expires_in=60),
    email_and_password=EmailAndPasswordOptions(send_reset_password=send),
    user=UserOptions(additional_fields={"plan": DBField(type="string", default_value="free")}),
    plugins=(plugins.jwt(), plugins.bearer(), plugins.username(), invitations()),
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool("postgresql://localhost/app") as pool:
        auth = BetterAuth(options, pool)
        await auth.migrate()
        auth.install(app)
        print(await auth.api.sign_up_email(name="A", email="a@b.co", password="p"))
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/me")
async def me(user_id: CurrentUser) -> str:
    return user_id.upper()


@app.get("/profile")
async def profile(current: CurrentSession) -> str:
    if not current.user.email_verified:
        raise APIError(Code.EMAIL_NOT_VERIFIED)
    return current.session.token
"""
UNDER_IT = """
[mypy]
strict = true
[mypy-sqlalchemy.*,sqlmodel.*,cryptography.*,opentelemetry.*]
follow_imports = skip
"""
"""What is below the library takes most of the time, and nothing of it shows."""
MISTAKES = {
    "Code.EMAIL_NOT_VERIFIED": "Code.EMAIL_NOT_VERIFYED",
    "SessionOptions(expires_in=60)": "SessionOptions(expire_in=60)",
    'base_url="http://localhost:8000"': "base_url=8000",
    "current.session.token": "current.session.tokken",
    "user_id.upper()": "user_id.uper()",
    'auth.api.sign_up_email(name="A"': "auth.api.sign_up_email(nam='A'",
    'DBField(type="string", required=False)': 'DBField(type="text", required=False)',
}


def test_a_consumers_strict_mypy_passes_and_finds_every_mistake(
    library: Path, tmp_path: Path
) -> None:
    (tmp_path / "right.py").write_text(CONSUMER)
    (tmp_path / "mypy.ini").write_text(UNDER_IT)
    for number, (right, wrong) in enumerate(MISTAKES.items()):
        assert right in CONSUMER
        (tmp_path / f"wrong_{number}.py").write_text(CONSUMER.replace(right, wrong))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", library / "python", "."],
        cwd=tmp_path,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    found = set(re.findall(r"^(\w+)\.py:\d+: error", done.stdout, re.MULTILINE))
    assert found == {f"wrong_{number}" for number in range(len(MISTAKES))}, done.stdout


# Taskward


def test_the_command_says_its_version(application: Path, tmp_path: Path) -> None:
    says = run(application / "taskward", "--version", cwd=tmp_path)
    assert says == f"taskward {version('taskward')}\n"


def test_an_installed_taskward_serves_page_documentation_and_api(
    application: Path, tmp_path: Path
) -> None:
    command = [str(application / "taskward"), "serve"]
    with (
        InstalledServer(command, "/health/ready", DATA_DIR=str(tmp_path / "data")) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        document = client.get("/openapi.json").json()
        assert document["info"]["version"] == version("taskward")
        assert "swagger" in client.get("/docs").text
        body = {"email": new_email(), "password": PASSWORD}
        token = client.post("/api/auth/signup", json=body).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        made = client.post("/api/tasks", json={"title": "Pack"}, headers=headers)
        assert made.status_code == 201
        page = client.get("/", headers={"accept": "text/html"})
        if not (WEB / "pages.json").exists():
            pytest.skip("THE PAGE IS NOT BUILT: that the wheel serves it was not checked")
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        assert "<title>" in page.text
