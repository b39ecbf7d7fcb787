"""When an access token begins and ends, to the moment."""

import pytest

from authward.security.jwt import ExpiredTokenError, InvalidTokenError
from tests.support.forged_tokens import KEY, USER, Forger, new_signer


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> int:
    """The clock stands still."""
    moment = 1_800_000_000
    monkeypatch.setattr("authward.security.jwt.time.time", lambda: float(moment))
    return moment


def test_at_the_very_moment_of_its_end_a_token_is_over(now: int) -> None:
    with pytest.raises(ExpiredTokenError):
        new_signer().verify(Forger(KEY).token(iat=None, exp=str(now)))
    assert new_signer().verify(Forger(KEY).token(iat=None, exp=f"{now}.001")) == USER


def test_a_remembered_token_is_over_at_the_same_moment_and_forgotten(
    now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer, token = new_signer(), Forger(KEY).token(exp=str(now + 1))
    assert signer.verify(token) == USER
    monkeypatch.setattr("authward.security.jwt.time.time", lambda: float(now + 1))
    with pytest.raises(ExpiredTokenError):
        signer.verify(token)
    assert token not in signer._verified


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_the_clock_of_whoever_issues_a_token_may_be_five_seconds_ahead(
    now: int, claim: str
) -> None:
    signer = new_signer()
    for ahead in ("0", "1", "4.999", "5"):
        token = Forger(KEY).token(**{claim: str(now + float(ahead))})
        assert signer.verify(token) == USER
        assert signer.verify(token) == USER, "remembered"
    for ahead in ("5.001", "6", "3600"):
        with pytest.raises(InvalidTokenError):
            signer.verify(Forger(KEY).token(**{claim: str(now + float(ahead))}))


def test_the_first_and_the_last_date_are_dates() -> None:
    assert new_signer().verify(Forger(KEY).token(iat="0", exp=str(2**53))) == USER
    for wrong in ({"iat": "-1"}, {"iat": "-0.001"}, {"exp": str(2**53 + 2)}):
        with pytest.raises(InvalidTokenError):
            new_signer().verify(Forger(KEY).token(**wrong))
