"""The command line: `taskward --help`. Commands import what they need when they are called."""

import asyncio
from typing import Annotated

import typer

app = typer.Typer(
    help="A task backend for many users. Without a command it serves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables: secrets among them
    add_completion=False,
)


@app.command()
def serve(
    host: Annotated[str, typer.Option(envvar="HOST", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", min=0, max=65_535)] = 8000,
    workers: Annotated[
        int, typer.Option(envvar="WEB_CONCURRENCY", min=1, help="Processes that share the port.")
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start anew whenever the source changes.")
    ] = False,
    drain_timeout: Annotated[
        int, typer.Option(min=1, help="Seconds for requests under way at the end.")
    ] = 10,
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
) -> None:
    """Print a JSON Web Token for a user, for development: whoever has it is that user."""
    from taskward.cli.database import issue_token  # noqa: PLC0415

    typer.echo(asyncio.run(issue_token(user, lifetime)))


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
