"""Providers by environment: all of one or nothing, refused by name, secrets never shown."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from authward.oauth import GenericOAuth, KnownProvider
from taskward.app import auth_options
from tests.conftest import settings_for

HUSH = "hush-hush-hush"
URL = "https://login.example.com/.well-known/openid-configuration"
GITHUB = {"github_client_id": "id", "github_client_secret": HUSH}
GOOGLE = {"google_client_id": "id", "google_client_secret": HUSH}
OIDC = {"oidc_discovery_url": URL, "oidc_client_id": "id", "oidc_client_secret": HUSH}


def settings(**given: Any) -> Any:
    wrapped = {k: SecretStr(v) if k.endswith("secret") else v for k, v in given.items()}
    return settings_for("postgresql://user@localhost:5432/x", **wrapped)


def test_without_settings_there_is_no_provider() -> None:
    assert auth_options(settings()).social_providers == ()


def test_each_provider_is_set_up_by_its_own_settings() -> None:
    providers = auth_options(settings(**GITHUB, **GOOGLE, **OIDC)).social_providers
    assert [type(each) for each in providers] == [KnownProvider, KnownProvider, GenericOAuth]
    assert [each.id for each in providers] == ["github", "google", "oidc"]
    assert {each.client_secret for each in providers} == {HUSH}


def test_the_name_of_the_openid_provider_can_be_chosen() -> None:
    (provider,) = auth_options(settings(**OIDC, oidc_provider_id="my-company")).social_providers
    assert provider.id == "my-company"


@pytest.mark.parametrize("given", [GITHUB, GOOGLE, OIDC])
def test_half_a_provider_is_refused_by_name(given: dict[str, str]) -> None:
    for missing in given:
        rest = {name: value for name, value in given.items() if name != missing}
        with pytest.raises(ValidationError, match=f"{missing.upper()} must be set") as refusal:
            settings(**rest)
        assert HUSH not in str(refusal.value)


@pytest.mark.parametrize("name", ["credential", "github", "google", "", "a/b", "A", "a b", "é"])
def test_names_that_are_taken_or_no_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="oidc_provider_id"):
        settings(**OIDC, oidc_provider_id=name)


@pytest.mark.parametrize(
    "url", ["http://login.example.com/x", "login.example.com", "ftp://x", "https://", "file:///x"]
)
def test_discovery_needs_https(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an https URL"):
        settings(**{**OIDC, "oidc_discovery_url": url})


def test_discovery_on_this_machine_needs_no_https() -> None:
    for host in ("localhost:1", "127.0.0.1:1", "[::1]:1"):
        settings(**{**OIDC, "oidc_discovery_url": f"http://{host}/x"})


def test_secrets_are_not_shown() -> None:
    everything = settings(**GITHUB, **GOOGLE, **OIDC)
    assert HUSH not in repr(everything)
    assert HUSH not in repr(auth_options(everything))
