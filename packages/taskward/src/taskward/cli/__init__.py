"""The command line: `taskward --help`. Commands import what they need when they are called."""

import asyncio
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables: secrets among them
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"taskward {version('taskward')}")
        raise typer.Exit


@app.callback()
def taskward(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """A task backend for many users. Without a command it serves."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen.", show_default="HOST")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, show_default="PORT")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that share the port.", show_default="WEB_CONCURRENCY"),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start anew whenever the source changes.")
    ] = False,
    drain_timeout: Annotated[
        int | None,
        typer.Option(min=1, help="Seconds for requests under way at the end.", show_default="10"),
    ] = None,
) -> None:
    """Start the server."""
    from taskward.serve import serve as serve_until_told_to_end  # noqa: PLC0415

    serve_until_told_to_end(host, port, workers=workers, reload=reload, drain_timeout=drain_timeout)


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from taskward.cli.database import migrate as bring_up_to_date  # noqa: PLC0415

    typer.echo(asyncio.run(bring_up_to_date()))


@app.command()
def distribute() -> None:
    """Distribute tasks over the workers of a Citus cluster, by their owner; may be run twice."""
    from taskward.cli.distribute import distribute as spread  # noqa: PLC0415

    typer.echo(asyncio.run(spread()))


@app.command()
def doctor() -> None:
    """Check settings, database, clock, TLS and tables, and say what to do; exit 1 on trouble."""
    from taskward.cli.doctor import report  # noqa: PLC0415

    if not asyncio.run(report()):
        raise typer.Exit(1)


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="A user's id, or e-mail address.")],
    lifetime: Annotated[
        int, typer.Option(min=1, max=86_400, help="Seconds for which it is valid.")
    ] = 900,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="For the tools at /mcp only, to try an assistant out.")
    ] = False,
) -> None:
    """Print a JSON Web Token for a user, for development: whoever has it is that user."""
    from taskward.cli.database import issue_token  # noqa: PLC0415

    typer.echo(asyncio.run(issue_token(user, lifetime, for_tools=mcp)))


@app.command()
def set_password(email: Annotated[str, typer.Argument(help="The user's e-mail address.")]) -> None:
    """Give a user a new password and end all their sessions.

    It is asked for on a terminal, and else read from standard input.
    """
    from taskward.cli.password import set_password as replace_password  # noqa: PLC0415

    typer.echo(asyncio.run(replace_password(email)))


@app.command()
def pseudonym(user: Annotated[str, typer.Argument(help="A user's id, or e-mail address.")]) -> None:
    """Print what stands for a user in the logs."""
    from taskward.cli.database import log_pseudonym  # noqa: PLC0415

    typer.echo(asyncio.run(log_pseudonym(user)))


@app.command()
def seed(
    users: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many users.")] = 1000,
    tasks: Annotated[int, typer.Option(min=0, max=1_000_000_000, help="How many tasks.")] = 100_000,
    password: Annotated[str | None, typer.Option(help="The password of all of them.")] = None,
    password_hash: Annotated[
        str | None, typer.Option(help="It, hashed already: account.password of a user who has it.")
    ] = None,
) -> None:
    """Fill the database with users and tasks of theirs.

    Without a password nobody can sign in as them, but `taskward token` works for all.
    """
    from taskward.cli.seed import seed as fill  # noqa: PLC0415

    typer.echo(asyncio.run(fill(users, tasks, password=password, password_hash=password_hash)))


@app.command()
def dump(
    file: Annotated[str, typer.Argument(help="Where to; - is standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write everything that is in the database to a file, which `restore` reads."""
    from taskward.cli.dump import dump as write  # noqa: PLC0415

    typer.echo(asyncio.run(write(file, force=force)), err=True)


@app.command()
def restore(
    file: Annotated[str, typer.Argument(help="What `dump` wrote; - is standard input.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Lose what is in the database's tables.")
    ] = False,
) -> None:
    """Fill an empty database with what `dump` wrote, whole or not at all.

    A dump is a program: restore only what comes from whom you trust.
    """
    from taskward.cli.restore import restore as fill  # noqa: PLC0415

    typer.echo(asyncio.run(fill(file, replace=replace)), err=True)
