"""Common generators make clients of the OpenAPI document, and what they make compiles."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import ROOT

HERE = ROOT / "tests"
DOCUMENT = HERE / "openapi.json"
CLIENTS = HERE / "clients"
NODE_PROGRAMS = CLIENTS / "node_modules" / ".bin"
PYTHON_PROGRAMS = CLIENTS / ".venv" / "bin"
TASK_METHODS = ["createTask", "deleteTask", "getTask", "listTasks", "toggleTask", "updateTask"]
COMPILER_OPTIONS = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2022", "dom", "dom.iterable"],
    "types": [],
}
TYPESCRIPT = {
    "openapi-typescript": ["{document}", "-o", "{out}/types.ts"],
    "openapi-ts": ["-i", "{document}", "-o", "{out}", "--no-log-file"],
    "orval": ["--input", "{document}", "--output", "{out}/client.ts", "--client", "fetch"],
}
OPENAPI_GENERATOR = "openapi-generator-cli"
SHORT_LIVED = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
"""It is over before what a thorough compiler makes of it has paid."""


def program(folder: Path, name: str) -> str:
    """Where a generator is installed, or a skip that says loudly what did not run."""
    found = shutil.which(name, path=folder)
    if found is None:
        pytest.skip(f"{name.upper()} IS NOT INSTALLED (`make test` does it): no client was made")
    return found


def run(*command: str, cwd: Path) -> str:
    environment = {**os.environ, **SHORT_LIVED, "PATH": f"{PYTHON_PROGRAMS}:{os.environ['PATH']}"}
    ended = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def generate(program: str, arguments: list[str], folder: Path) -> Path:
    """Let a generator write into a folder of its own, from a copy of the document."""
    out = folder / "generated"
    out.mkdir()
    document = folder / "openapi.json"
    shutil.copy(DOCUMENT, document)
    filled = [argument.format(document=document, out=out) for argument in arguments]
    run(program, *filled, cwd=folder)
    return out


@pytest.fixture(scope="module")
def by_openapi_generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clients for TypeScript and for Python, made by one process, in folders of these names."""
    folder = tmp_path_factory.mktemp("by-openapi-generator")
    files = []
    for name, generator in (("typescript", "typescript-fetch"), ("python", "python")):
        options = {
            "generatorName": generator,
            "inputSpec": str(DOCUMENT),
            "outputDir": str(folder / name),
        }
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(options))
    run(program(PYTHON_PROGRAMS, OPENAPI_GENERATOR), "batch", *map(str, files), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def compiled(
    tmp_path_factory: pytest.TempPathFactory, by_openapi_generator: Path
) -> dict[str, str]:
    """What each generator for TypeScript has made, after its types were checked strictly."""
    folder = tmp_path_factory.mktemp("typescript")
    for name, arguments in TYPESCRIPT.items():
        (folder / name).mkdir()
        generate(program(NODE_PROGRAMS, name), arguments, folder / name)
    shutil.copytree(by_openapi_generator / "typescript", folder / OPENAPI_GENERATOR)
    made = [*TYPESCRIPT, OPENAPI_GENERATOR]
    (folder / "tsconfig.json").write_text(
        json.dumps(
            {"compilerOptions": COMPILER_OPTIONS, "include": [f"{name}/**/*.ts" for name in made]}
        )
    )
    run(program(NODE_PROGRAMS, "tsc"), "-p", str(folder), cwd=folder)
    files = {name: sorted((folder / name).rglob("*.ts")) for name in made}
    return {name: "\n".join(file.read_text() for file in files[name]) for name in made}


def import_everything(package: Path) -> int:
    python = program(PYTHON_PROGRAMS, "python")
    return int(run(python, str(CLIENTS / "import_all.py"), str(package), cwd=package.parent))


@pytest.mark.long
@pytest.mark.parametrize("name", TYPESCRIPT)
def test_a_generator_for_typescript_makes_what_compiles(
    name: str, compiled: dict[str, str]
) -> None:
    for method in TASK_METHODS:
        assert re.search(rf"\b{method}\b", compiled[name])


@pytest.mark.long
def test_openapi_generators_typescript_compiles(compiled: dict[str, str]) -> None:
    for method in TASK_METHODS:
        assert f"async {method}(" in compiled[OPENAPI_GENERATOR]


@pytest.mark.long
def test_openapi_generators_python_compiles(by_openapi_generator: Path) -> None:
    out = by_openapi_generator / "python"
    python = program(PYTHON_PROGRAMS, "python")
    run(python, "-m", "compileall", "-q", str(out / "openapi_client"), cwd=out)
    code = (out / "openapi_client" / "api" / "tasks_api.py").read_text()
    assert sorted(re.findall(r"def ([a-z]+_tasks?)\(", code)) == [
        "create_task",
        "delete_task",
        "get_task",
        "list_tasks",
        "toggle_task",
        "update_task",
    ]


@pytest.mark.long
def test_openapi_python_client_makes_a_package_of_which_every_module_can_be_imported(
    tmp_path: Path,
) -> None:
    arguments = ["generate", "--path", "{document}", "--output-path", "{out}", "--meta", "none"]
    generator = program(PYTHON_PROGRAMS, "openapi-python-client")
    out = generate(generator, [*arguments, "--overwrite", "--fail-on-warning"], tmp_path)
    assert import_everything(out) > len(operations())
    made = {file.stem for file in (out / "api").rglob("*.py")}
    assert {re.sub("([A-Z])", r"_\1", name).lower() for name in operations()} <= made


# What makes generators fail


def operations() -> dict[str, dict[str, Any]]:
    """The document's operations by their ids."""
    paths = json.loads(DOCUMENT.read_text())["paths"].values()
    return {op["operationId"]: op for path in paths for op in path.values()}


def schemas_in(value: Any) -> list[Any]:
    """Everything in the document that stands where a schema does."""
    found: list[Any] = []
    if isinstance(value, dict):
        found += value.get("properties", {}).values() if "type" in value else []
        found += [value[name] for name in ("schema", "items") if name in value]
        for inner in value.values():
            found += schemas_in(inner)
    elif isinstance(value, list):
        for inner in value:
            found += schemas_in(inner)
    return found


def test_no_schema_is_true_or_false() -> None:
    found = schemas_in(json.loads(DOCUMENT.read_text()))
    assert len(found) > 100
    assert all(isinstance(schema, dict) for schema in found)


def test_every_body_is_of_one_kind_and_has_a_name_of_its_own() -> None:
    names = []
    for operation in operations().values():
        if "requestBody" in operation:
            ((_, content),) = operation["requestBody"]["content"].items()
            names.append(content["schema"]["$ref"])
    assert len(names) > 15
    shared = {name for name in names if names.count(name) > 1}
    assert shared == {"#/components/schemas/Credentials"}  # `login`, in two spellings


def test_no_name_is_another_one_in_other_letters() -> None:
    schemas = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    for names in (schemas, operations()):
        assert len({re.sub(r"\W|_", "", name).lower() for name in names}) == len(names)


def test_no_schema_has_a_name_that_generators_make_of_an_operation() -> None:
    schemas = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    made = {f"{name[0].upper()}{name[1:]}Request" for name in operations()}
    assert made.isdisjoint(schemas)


def test_operation_ids_are_method_names_and_summaries_are_one_line() -> None:
    for name, operation in operations().items():
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)
        assert re.fullmatch(r"[^\s].{3,120}", operation["summary"])
    tasks = [name for name, operation in operations().items() if operation["tags"] == ["tasks"]]
    assert sorted(tasks) == TASK_METHODS
