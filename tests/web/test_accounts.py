"""What the tables of accounts promise, on both databases, with several people at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from sender import accounts
from sender.accounts import AccountError, TooManyTriesError
from sender.runtime import Runtime
from tests.web.conftest import EMAIL, PASSWORD, START


@pytest.fixture(params=["sqlite_url", "pg_url"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both databases: what is promised here is about them."""
    return str(request.getfixturevalue(request.param))


def at_once(people: int, act: Callable[[int], object]) -> list[object]:
    """What each of these people got who acted at the same time: a result, or the AccountError."""

    def one(place: int) -> object:
        try:
            return act(place)
        except AccountError as error:
            return error

    with ThreadPoolExecutor(people) as pool:
        return list(pool.map(one, range(people)))


def test_a_link_used_by_eight_at_once_makes_one_owner(runtime: Runtime) -> None:
    """The database itself lets a link be used up once."""
    with runtime.db.write() as session:
        token = accounts.make_owner_link(session, runtime.keys, START).rpartition("/")[2]

    def use(place: int) -> str:
        with runtime.db.write() as session:
            return accounts.accept_link(session, runtime.keys, token, f"{place}@example.org", "hash", START).email

    results = at_once(8, use)
    assert sum(isinstance(one, str) for one in results) == 1
    assert sum(isinstance(one, AccountError) for one in results) == 7


def test_of_forty_guesses_at_once_ten_are_looked_at(runtime: Runtime) -> None:
    """Tries are counted before the password is looked at, so that a crowd gets no more of them than one."""

    def guess(_: int) -> bool:
        with runtime.db.write() as session:
            accounts.count_try(session, runtime.keys, EMAIL, "192.0.2.1", START)
        return True

    results = at_once(40, guess)
    assert results.count(True) == accounts.TRIES_PER_ACCOUNT
    assert sum(isinstance(one, TooManyTriesError) for one in results) == 30


def test_tries_are_forgotten_after_ten_minutes(runtime: Runtime) -> None:
    """A new window begins with the first try after the old one."""
    for minutes, allowed in ((0, True), (9, False), (10, True), (19, False)):
        for _ in range(accounts.TRIES_PER_ACCOUNT):
            with runtime.db.write() as session:
                if allowed:
                    accounts.count_try(session, runtime.keys, EMAIL, "192.0.2.1", START + timedelta(minutes=minutes))
                else:
                    with pytest.raises(TooManyTriesError):
                        accounts.count_try(
                            session, runtime.keys, EMAIL, "192.0.2.1", START + timedelta(minutes=minutes)
                        )


def test_signing_in_forgets_what_was_counted(runtime: Runtime, add_user: Callable[..., int]) -> None:
    """Nine slips and then the right password: the next day begins with ten tries again."""
    add_user()
    for _ in range(2):
        for place in range(accounts.TRIES_PER_ACCOUNT - 1):
            with pytest.raises(AccountError, match="wrong"):
                accounts.sign_in(runtime.db, runtime.keys, EMAIL, "wrong", f"192.0.2.{place}", START)
        assert accounts.sign_in(runtime.db, runtime.keys, EMAIL, PASSWORD, "192.0.2.1", START)


@pytest.mark.nightly
def test_of_a_thousand_guesses_ten_are_looked_at(runtime: Runtime, add_user: Callable[..., int]) -> None:
    """A thousand passwords from a thousand addresses within ten minutes: ten are compared, the rest only counted."""
    add_user()
    answers: list[type[AccountError]] = []
    for place in range(1000):
        with pytest.raises(AccountError) as refused:
            accounts.sign_in(runtime.db, runtime.keys, EMAIL, f"guess {place}", f"192.0.2.{place}", START)
        answers.append(refused.type)
    assert answers.count(AccountError) == accounts.TRIES_PER_ACCOUNT
    assert answers.count(TooManyTriesError) == 990
