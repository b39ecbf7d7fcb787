"""Whether the database's tables are those that the statements were written for.

Other tools make tables for Better Auth too, with times without a zone, names in snake case, ids of
other types or columns that must be given. That is said before the first request, not by each one.
What is expected is read off the models, so a new column needs nothing here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Integer,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

from authward.migrate import plan
from authward.schema import tables
from authward.schema.actual_tables import actual_tables
from authward.schema.registry import AuthSchema
from authward.schema.style import DRIZZLE
from authward.storage.statements import Executor
from taskward.migrations.errors import MigrationError
from taskward.tasks import schemas as models

_METADATA = (SQLModel.metadata, tables.metadata)
_TABLES = {table.name: table for metadata in _METADATA for table in metadata.sorted_tables}
_OWN = {m.__tablename__ for m in vars(models).values() if hasattr(m, "__table__")}
_MODELS = {table.info.get("model") for table in _TABLES.values()}
_CORE = {(name, column.key) for name, table in _TABLES.items() for column in table.columns}
_TYPES = (
    (String, {"text", "varchar", "citext"}),
    (Boolean, {"bool"}),
    (BigInteger, {"int8"}),
    (Integer, {"int4", "int8"}),
    (postgresql.JSONB, {"jsonb"}),
)
_SHORTEST_TEXT = 255  # characters, where the model sets no limit
_MILLISECONDS = 3  # digits of a second
_UNLIMITED = -1
_VARCHAR_HEADER = 4  # PostgreSQL counts it into the modifier of varchar(n)
_SHOWN = 4
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

_COLUMNS = """
    SELECT json_object_agg(attname, json_build_object(
        'shown', format_type(atttypid, atttypmod), 'type', base.name, 'modifier', base.modifier,
        'required', attnotnull OR base.required, 'generated', attgenerated <> '',
        'filled', atthasdef OR attidentity <> '' OR base.filled))
    FROM pg_attribute, LATERAL (
        WITH RECURSIVE of (type, modifier, required, filled) AS (
            SELECT atttypid, atttypmod, false, false
            UNION ALL
            SELECT typbasetype, typtypmod, required OR typnotnull, filled OR typdefault IS NOT NULL
            FROM of JOIN pg_type ON pg_type.oid = of.type AND typtype = 'd')
        SELECT typname AS name, modifier, required, filled
        FROM of JOIN pg_type ON pg_type.oid = of.type AND typtype <> 'd') AS base
    WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
"""
_KEYS = """
    SELECT json_agg((
        SELECT json_agg(attname)
        FROM unnest(indkey) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute ON attrelid = indrelid AND attnum = number
        WHERE place <= indnkeyatts))
    FROM pg_index
    WHERE indrelid = pg_class.oid AND indisunique AND indimmediate AND indisvalid
        AND indpred IS NULL AND indexprs IS NULL
"""
_REFERENCES = """
    SELECT json_agg(json_build_array(attname, other.relname, confdeltype))
    FROM pg_constraint
    JOIN pg_class AS other ON other.oid = confrelid
    JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE conrelid = pg_class.oid AND contype = 'f' AND cardinality(conkey) = 1
"""
_RIGHTS = """
    SELECT json_agg(name)
    FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS name
    WHERE NOT has_table_privilege(pg_class.oid, name)
"""
_FIND_TABLES = f"""
SELECT json_object_agg(wanted, json_build_object(
    'kind', relkind, 'first', relnamespace = current_schema()::regnamespace, 'lacks', ({_RIGHTS}),
    'owner', relowner::regrole, 'is_owned', pg_has_role(relowner, 'USAGE'),
    'columns', ({_COLUMNS}), 'keys', ({_KEYS}), 'references', ({_REFERENCES})))::text
FROM unnest(ARRAY[<names>]) AS wanted
JOIN pg_class ON pg_class.oid = to_regclass(quote_ident(wanted))
"""  # noqa: S608 - nothing is put in but what is above

Found: TypeAlias = Mapping[str, Any]


def find_tables(added: AuthSchema | None = None) -> str:
    """Return SQL for one value: what is there of our tables, found as any statement finds them."""
    names = (name.replace("'", "''") for name in _expected(added))
    return _FIND_TABLES.replace("<names>", ", ".join(f"'{name}'" for name in names))


def _expected(added: AuthSchema | None) -> dict[str, Table]:
    """Return all tables as they should be, by name."""
    if added is None:
        return _TABLES
    own = {name: _TABLES[name] for name in _TABLES if name in _OWN}
    return {table.name: table for table in actual_tables(added)} | own


class Problem(NamedTuple):
    """What is not as it must be, what may be done about it, and the setting that takes it so.

    `is_added` tells whether the library's migration adds it.
    """

    message: str
    remedy: str
    setting: str = ""
    is_added: bool = False

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


async def check(database: Executor, added: AuthSchema | None = None) -> None:
    """Look at the tables of a database that has been migrated, with what plugins add.

    Raises:
        MigrationError: they are not what is needed; one sentence for all that is wrong.
        DatabaseUnavailableError: try again later.
    """
    row = await database.fetchrow(find_tables(added))
    refuse(problems(row[0] if row else None, added))
    if await lacks_what_plugins_add(database, added):
        raise MigrationError(f"a plugin's table or index is missing ({_MIGRATE})")


async def lacks_what_plugins_add(database: Executor, added: AuthSchema | None) -> bool:
    """Whether a migration would add anything for them.

    Raises:
        MigrationError: it would, and cannot.
    """
    return added is not None and bool(await plan(database, added))


def refuse(found: Iterable[Problem]) -> None:
    """Raise an error if there are problems.

    Raises:
        MigrationError: names the first of them, and how many there are besides.
    """
    if message := sentence(found):
        raise MigrationError(message)


def sentence(found: Iterable[Problem]) -> str:
    """Say everything in one sentence of bounded length; empty if all is well."""
    every = list(found)
    if not every:
        return ""
    parts = [str(problem) for problem in every[:_SHOWN]]
    if len(every) > _SHOWN:
        parts.append(f"and {len(every) - _SHOWN} more of this kind")
    if any(problem.remedy != _MIGRATE for problem in every):
        parts.append(_ADVICE)
    if chosen := [s for s in dict.fromkeys(problem.setting for problem in every) if s]:
        parts.append(
            f"or, if another tool has made them for Better Auth, set {' and '.join(chosen)}"
        )
    return "; ".join(parts)


_MIGRATE = "run `taskward migrate`"
_ADVICE = (
    "correct this, or give Taskward a database or schema of its own, where it makes the tables "
    "that Better Auth's own migration makes"
)


def problems(document: str | None, added: AuthSchema | None = None) -> Iterator[Problem]:
    """Yield what is wrong, from the answer to `find_tables`, after a migration."""
    tables = _expected(added)
    found = orjson.loads(document or "{}")
    yield from _missing_tables([name for name in tables if name not in found])
    for name in [name for name in tables if name in found]:
        yield from _of_table(tables[name], found[name])


def _missing_tables(names: Iterable[str]) -> Iterator[Problem]:
    for is_own in (False, True):
        if missing := ", ".join(f'"{name}"' for name in names if (name in _OWN) is is_own):
            yield Problem(f"there is no table {missing}", _MIGRATE, is_added=not is_own)


def problems_before_the_first_migration(
    document: str | None, added: AuthSchema | None = None
) -> Iterator[Problem]:
    """Yield what is wrong where only Better Auth's tables may be there already.

    Those in another schema are hidden as soon as the migration makes ours.
    """
    everywhere = orjson.loads(document or "{}")
    found = {name: table for name, table in everywhere.items() if table["first"]}
    for name in sorted(found.keys() & _OWN):
        message = f'table "{name}" is there already, and another program has made it'
        yield Problem(message, "there is no table alembic_version that says otherwise")
    for name, table in _expected(added).items():
        if name in found and name not in _OWN:
            yield from _of_table(table, found[name])
            yield from _of_owner(name, found[name])


def problems_of_what_is_there(
    document: str | None, added: AuthSchema | None, *, is_new: bool
) -> list[Problem]:
    """Return what is wrong with tables to which the library's migration is to add something."""
    every = problems_before_the_first_migration if is_new else problems
    if added is None:
        return [*every(document)]
    found = orjson.dumps(_without_plugins_elsewhere(document, added)).decode()
    return [problem for problem in every(found, added) if not problem.is_added]


def _without_plugins_elsewhere(document: str | None, added: AuthSchema) -> dict[str, Found]:
    """A plugin's table of another schema is hidden as soon as the migration makes ours."""
    found: dict[str, Found] = orjson.loads(document or "{}")
    tables = _expected(added)
    return {n: t for n, t in found.items() if t["first"] or not _is_plugins(tables[n])}


def _is_plugins(table: Table) -> bool:
    return table.name not in _OWN and table.info["model"] not in _MODELS


def _of_table(table: Table, found: Found) -> Iterator[Problem]:
    if found["kind"] not in ("r", "p"):
        yield Problem(f'"{table.name}" is a view or the like, and must be a table', "")
        return
    columns: Mapping[str, Found] = found["columns"] or {}
    for column in table.columns:
        if column.name in columns:
            yield from _of_column(column, columns[column.name])
        else:
            yield _missing(column, columns)
    for name in sorted(columns.keys() - {column.name for column in table.columns}):
        yield from _of_unknown_column(table, name, columns[name])
    if {column.name for column in table.columns} <= columns.keys():
        yield from _of_keys(table, found["keys"] or [])
        yield from _of_references(table, found["references"] or [])
    if lacking := ", ".join(found["lacks"] or []):
        grant = f'GRANT {lacking} ON "{table.name}"'
        yield Problem(f'table "{table.name}" may not be used for {lacking} by this role', grant)


def _of_owner(name: str, found: Found) -> Iterator[Problem]:
    """The migration adds what is missing, an index or a trigger, which only an owner may."""
    if not found["is_owned"]:
        message = f'table "{name}" belongs to {found["owner"]}, whose rights the migration needs'
        yield Problem(
            message, f'ALTER TABLE "{name}" OWNER TO CURRENT_USER, or migrate as its owner'
        )


def _of_column(column: "Column[Any]", found: Found) -> Iterator[Problem]:
    where, alter = _where(column.table, column.name), _alter(column.table, column.name)
    if found["generated"] and not isinstance(column.server_default, Computed):
        yield Problem(f"{where} is generated and cannot be written", f"{alter} DROP EXPRESSION")
    if not _fits(column, found):
        expected = column.type.compile(_DIALECT).lower()
        message = f"{where} is {found['shown']}, not {expected}"
        remedy = _change_of_type(column, found, alter, expected)
        yield Problem(message, remedy, _setting_for(column, found))
    if found["required"] and column.nullable:
        yield Problem(f"{where} is NOT NULL, and must allow it", f"{alter} DROP NOT NULL")
    if not found["required"] and not column.nullable:
        yield Problem(f"{where} allows NULL, and must not", f"{alter} SET NOT NULL")
    if column.table.name in _OWN and _is_filled(column) and not found["filled"]:
        yield Problem(f"{where} has lost its default", "see the migrations")


def _is_filled(column: "Column[Any]") -> bool:
    return column.server_default is not None or column.identity is not None


def _fits(column: "Column[Any]", found: Found) -> bool:
    """Types that PostgreSQL reads and writes in the same way are as good as one another."""
    fitting, modifier = _fitting(column), found["modifier"]
    if not fitting:
        expected = column.type.compile(_DIALECT).lower()
        return bool(found["shown"] == expected.replace(", ", ","))
    if found["type"] not in fitting:
        return False
    if modifier == _UNLIMITED:
        return True
    if isinstance(column.type, String):
        return bool(modifier - _VARCHAR_HEADER >= (column.type.length or _SHORTEST_TEXT))
    return bool(modifier >= _MILLISECONDS)


def _change_of_type(column: "Column[Any]", found: Found, alter: str, expected: str) -> str:
    """Only where no other table refers to what is changed."""
    if (
        found["type"] == "timestamp"
        and isinstance(column.type, DateTime)
        and expected.endswith("with time zone")
    ):
        return f"{alter} TYPE timestamptz USING \"{column.name}\" AT TIME ZONE 'UTC'"
    return f"{alter} TYPE {expected}" if found["type"] in _fitting(column) else ""


def _fitting(column: "Column[Any]") -> set[str]:
    """Return what is as good as the model's type; empty where that is nothing but itself."""
    if isinstance(column.type, DateTime):
        return {"timestamptz"} if column.type.timezone else {"timestamp"}
    return next((names for kind, names in _TYPES if isinstance(column.type, kind)), set())


def _missing(column: "Column[Any]", columns: Iterable[str]) -> Problem:
    message = f'table "{column.table.name}" has no column "{column.name}"'
    if (column.table.info.get("model", column.table.name), column.key) not in _CORE:
        return Problem(message, _MIGRATE, is_added=True)
    spelled = next((name for name in columns if _bare(name) == _bare(column.name)), None)
    remedy = f'its "{spelled}" would have to be named so' if spelled else ""
    is_snake = spelled is not None and spelled == DRIZZLE.column(column.key) != column.key
    return Problem(message, remedy, "BETTER_AUTH_TABLES=drizzle" if is_snake else "")


def _setting_for(column: "Column[Any]", found: Found) -> str:
    """Prisma and Drizzle make times without a zone, and ids of whatever type they are told."""
    if found["type"] == "timestamp" and isinstance(column.type, DateTime):
        return "BETTER_AUTH_TABLES=prisma"
    is_id = column.primary_key or bool(column.foreign_keys)
    kinds = {"uuid": "uuid", "int4": "serial", "int8": "serial"}
    if is_id and column.table.name not in _OWN and found["type"] in kinds:
        return f"BETTER_AUTH_GENERATE_ID={kinds[found['type']]}"
    return ""


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


def _of_unknown_column(table: Table, name: str, found: Found) -> Iterator[Problem]:
    """One that is a wanted column in other letters is told of already, as a missing one."""
    is_known = any(_bare(name) == _bare(column.name) for column in table.columns)
    if is_known or found["filled"] or found["generated"] or not found["required"]:
        return
    alter = _alter(table, name)
    message = f"{_where(table, name)} is required, has no default, and Taskward does not know it"
    yield Problem(message, f"{alter} DROP NOT NULL, or SET DEFAULT …")


def _of_keys(table: Table, found: Iterable[Iterable[str]]) -> Iterator[Problem]:
    unique = [set(names) for names in found]
    constraints = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
    for constraint in (table.primary_key, *constraints):
        names = [column.name for column in constraint.columns]
        if set(names) not in unique and _key_on_shards(table, names) not in unique:
            listed = ", ".join(f'"{name}"' for name in names)
            index = f'CREATE UNIQUE INDEX ON "{table.name}" ({listed})'
            yield Problem(f'table "{table.name}" lacks a unique index on {listed}', index)


def _key_on_shards(table: Table, names: Iterable[str]) -> set[str]:
    """On Citus (`taskward distribute`) each key of our own tables has the owner in it."""
    return {*names, "user_id"} if table.name in _OWN else {*names}


def _of_references(table: Table, found: Iterable[tuple[str, str, str]]) -> Iterator[Problem]:
    """Whoever deletes a user relies on it."""
    there = [tuple(reference) for reference in found]
    for key in table.foreign_keys:
        column, other = key.parent.name, key.column.table.name
        if (column, other, "c") not in there:
            reference = f'REFERENCES "{other}" ("{key.column.name}") ON DELETE CASCADE'
            message = f"{_where(table, column)} does not have {reference}"
            yield Problem(message, f'ALTER TABLE "{table.name}" ADD FOREIGN KEY ("{column}") …')


def _where(table: Any, name: str) -> str:
    return f'table "{table.name}", column "{name}"'


def _alter(table: Any, name: str) -> str:
    return f'ALTER TABLE "{table.name}" ALTER "{name}"'
