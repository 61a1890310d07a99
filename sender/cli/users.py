"""`tactful users …`: people who sign in; the way back in for an owner who is locked out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Table

from sender.cli.common import console, emit, fail, opened

if TYPE_CHECKING:
    from sqlmodel import Session

    from sender.runtime import Runtime

app = typer.Typer(help="People who sign in.", no_args_is_help=True)
ACTOR = "command line"
Email = Annotated[str, typer.Argument(help="The e-mail address they sign in with.")]
Program = Annotated[str, typer.Option(help="A program's short name; every program when absent.")]
Told = TypeVar("Told")


@app.command("list")
def listing(json: Annotated[bool, typer.Option("--json", help="Answer in JSON, one user a line.")] = False) -> None:
    """Everybody who may sign in, with roles and second factor."""
    from dataclasses import asdict

    from sender.accounts import users

    with opened() as runtime, runtime.db.read() as session:
        members = users.members(session)
    if json:
        for one in members:
            emit(asdict(one))
        return
    table = Table("e-mail", "roles", "second factor", "closed")
    for one in members:
        roles = ", ".join(f"{role} in {program}" for program, role in one.roles.items())
        table.add_row(one.email, roles, "on" if one.second_factor else "off", "closed" if one.disabled else "")
    console.print(table if members else "Nobody may sign in yet; `tactful up` prints the link for the first owner.")


@app.command("invite")
def invite(
    role: Annotated[str, typer.Argument(help="owner, manager, author, approver, agent, auditor or viewer.")],
    program: Program = "",
) -> None:
    """Print a link that works once and makes a user with this role; no mail is sent."""
    from sender.accounts import users

    def make(runtime: "Runtime", session: "Session") -> str:
        program_id = _program_id(session, program)
        return users.invite(session, runtime.keys, runtime.clock.real(), ACTOR, role=role, program_id=program_id)

    _print_link(make)


@app.command("reset")
def reset(email: Email) -> None:
    """Print a link that works once, at which this user chooses a new password."""
    from sender.accounts import users

    _print_link(lambda runtime, session: users.reset(session, runtime.keys, runtime.clock.real(), ACTOR, email))


@app.command("role")
def role(
    email: Email, name: Annotated[str, typer.Argument(help='The role, or "none" to take it.')], program: Program = ""
) -> None:
    """Give a user a role, in one program or in all; it counts from their next request on."""
    from sender.accounts import users

    def give(runtime: "Runtime", session: "Session") -> None:
        users.set_role(session, runtime.clock.real(), ACTOR, email, name, _program_id(session, program))

    _act(give)
    console.print(f"{email}: {name}.")


@app.command("disable")
def disable(email: Email) -> None:
    """Close an account and end its sessions; `tactful users enable` opens it again."""
    from sender.accounts import users

    _act(lambda runtime, session: users.set_disabled(session, runtime.clock.real(), ACTOR, email, True))
    console.print(f"{email} is signed out everywhere and cannot sign in any more.")


@app.command("enable")
def enable(email: Email) -> None:
    """Open a closed account again."""
    from sender.accounts import users

    _act(lambda runtime, session: users.set_disabled(session, runtime.clock.real(), ACTOR, email, False))
    console.print(f"{email} may sign in again.")


@app.command("second-factor-off")
def second_factor_off(email: Email) -> None:
    """Ask this user for the password alone: for somebody who lost the app and the recovery codes."""
    from sender.accounts import users

    _act(lambda runtime, session: users.drop_second_factor(session, runtime.clock.real(), ACTOR, email))
    console.print(f"{email} signs in with the password alone; have them set it up anew.")


def _act(act: "Callable[[Runtime, Session], Told]") -> Told:
    from sender.accounts import AccountError

    with opened() as runtime:
        try:
            with runtime.db.write() as session:
                return act(runtime, session)
        except AccountError as error:
            fail(str(error))


def _print_link(make: "Callable[[Runtime, Session], str]") -> None:
    from sender.cli.common import load_settings

    path = _act(make)
    console.print("This link works once, for 24 hours; whoever opens it first has it:")
    console.print(f"{load_settings().address}{path}", soft_wrap=True, highlight=False)


def _program_id(session: "Session", slug: str) -> int:
    from sqlmodel import col, select

    from sender.models import Program as Row

    if not slug:
        return 0
    found = session.execute(select(col(Row.id)).where(col(Row.slug) == slug)).scalar()
    if found is None:
        fail(f"There is no program {slug!r}; `tactful program list` shows them.")
    return int(found)
