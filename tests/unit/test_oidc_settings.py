"""How an identity provider is set up: variables, the claim map, what the doctor says, and the commands."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey
from typer.testing import CliRunner

from domain.errors import ConflictError, InvalidValueError, NotFoundError, SpecError
from services.access.oidc_claims import load_claim_map
from services.access.oidc_settings import load_oidc_settings
from services.access.oidc_testing import little_provider
from services.access.roles import Role
from services.api.app import create_app
from services.cli.main import app
from services.health import Finding, _identity_provider
from services.settings import load_settings

ENVIRON = {
    "PETALITE_OIDC_ISSUER": "https://identity.example.org/",
    "PETALITE_OIDC_CLIENT_ID": "petalite",
    "PETALITE_OIDC_CLIENT_SECRET_FILE": "/run/secrets/oidc",
}
MAP = "claim: groups\nrules: [{ value: a, role: scientist, groups: [solids] }]\n"


def test_without_variables_there_is_no_provider() -> None:
    assert load_settings({}).oidc is None
    assert load_oidc_settings(dict.fromkeys(ENVIRON, "")) is None


def test_variables_are_read() -> None:
    found = load_settings({**ENVIRON, "PETALITE_OIDC_SCOPES": "openid, groups email"}).oidc
    assert found is not None
    assert (found.issuer, found.client_id) == ("https://identity.example.org", "petalite")
    assert found.client_secret_file == Path("/run/secrets/oidc")
    assert found.scopes == ("openid", "groups", "email")


@pytest.mark.parametrize("missing", list(ENVIRON))
def test_half_a_provider_is_refused(missing: str) -> None:
    with pytest.raises(InvalidValueError, match=f"but {missing} is not"):
        load_settings({name: value for name, value in ENVIRON.items() if name != missing})


def test_a_misspelt_variable_is_named() -> None:
    with pytest.raises(InvalidValueError, match="PETALITE_OIDC_CLIENTID is unknown") as refused:
        load_settings({**ENVIRON, "PETALITE_OIDC_CLIENTID": "x"})
    assert "PETALITE_OIDC_CLIENT_ID" in refused.value.remedy


@pytest.mark.parametrize(
    "issuer",
    [
        "http://identity.example.org",
        "identity.example.org",
        "https://a:b@example.org",
        "https://x:y",
        "http://10.0.0.1",
    ],
)
def test_an_issuer_that_others_could_read_along_is_refused(issuer: str) -> None:
    with pytest.raises(InvalidValueError, match="is no https address"):
        load_settings({**ENVIRON, "PETALITE_OIDC_ISSUER": issuer})


def test_scopes_without_openid_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="lacks 'openid'"):
        load_settings({**ENVIRON, "PETALITE_OIDC_SCOPES": "profile"})


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "cannot be read"), (b"", "holds no secret"), (b"two\nlines", "no secret"), (b"\xff", "no secret")],
)
def test_a_service_does_not_start_without_its_secret(tmp_path: Path, content: bytes | None, problem: str) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    settings = load_settings({**ENVIRON, "PETALITE_OIDC_CLIENT_SECRET_FILE": str(secret)})
    with pytest.raises(InvalidValueError, match=problem):
        create_app(settings)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("- a", "is empty"),
        ("claim: [", "is not YAML"),
        ("claim: groups", "rules"),
        ("claim: groups\nrules: []", "has no rules"),
        ("claim: groups\nrule: []", "rule: unknown key"),
        ("claim: groups\nrules: [{ value: a, role: owner }]", "role"),
        ("claim: groups\nrules: [{ value: a, role: viewer, group: x }]", "group: unknown key"),
        ("claim: groups\nrules: [{ value: a, role: administrator }]", "makes administrators"),
    ],
)
def test_claim_maps_that_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=problem):
        load_claim_map(path)
    with pytest.raises(SpecError, match="No such file"):
        load_claim_map(tmp_path / "nowhere.yaml")


def test_a_claim_map_gives_the_first_role_and_all_groups(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(
        "claim: groups\nmay_make_administrators: true\nrules:\n"
        "- { value: boss, role: administrator }\n"
        "- { value: a, role: scientist, groups: [solids] }\n"
        "- { value: b, role: viewer, groups: [liquids] }\n"
    )
    claim_map = load_claim_map(path)
    both = claim_map.grant({"groups": ["b", "a", 7, None]})
    assert both is not None
    assert (both.role, both.groups) == (Role.SCIENTIST, {"solids", "liquids"})
    boss = claim_map.grant({"groups": "boss"})
    assert boss is not None
    assert boss.role is Role.ADMINISTRATOR
    for stranger in ({}, {"groups": None}, {"groups": []}, {"groups": "A"}, {"groups": {"a": 1}}, {"groups": ["a "]}):
        assert claim_map.grant(stranger) is None
    assert claim_map.user_name({"preferred_username": " Ada "}) == "ada"
    assert claim_map.user_name({"preferred_username": 7}) == ""


def _finding(environ: dict[str, str]) -> Finding:
    return _identity_provider(load_settings(environ))


def test_the_doctor_looks_at_the_provider(tmp_path: Path) -> None:
    assert "passwords" in _finding({}).detail
    secret, claims = tmp_path / "secret", tmp_path / "claims.yaml"
    secret.write_text("a secret")
    secret.chmod(0o600)
    claims.write_text(MAP)
    with little_provider(RSAKey.generate_key(2048, {"kid": "one"})) as provider:
        environ = {
            **ENVIRON,
            "PETALITE_OIDC_ISSUER": provider.issuer,
            "PETALITE_OIDC_CLIENT_SECRET_FILE": str(secret),
            "PETALITE_OIDC_CLAIM_MAP_FILE": str(claims),
        }
        well = _finding(environ)
        assert (well.is_well, well.detail) == (
            True,
            f"{provider.issuer}; lets in whoever is linked or fits the claim map",
        )
        secret.chmod(0o644)
        assert _finding(environ).remedy == f"chmod o-rwx {secret}"
        provider.conduct.discovery = {"issuer": "https://evil.example"}
        assert "another issuer" in _finding(environ).detail
    assert "cannot be reached" in _finding(environ).detail
    claims.write_text("claim: groups")
    assert "rules" in _finding(environ).detail
    assert "a secret" not in _finding(environ).detail


def test_administrators_link_and_unlink_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))

    def petalite(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["user", *arguments])
        if result.exception is not None:
            raise result.exception
        return " ".join(result.stdout.split())

    petalite("add", "ada", "--role", "machine")
    petalite("add", "bob", "--role", "machine")
    with pytest.raises(NotFoundError, match="No identity provider is set up"):
        petalite("link", "ada", "2482")
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    assert "signs in with a password" in petalite("identities", "ada")
    assert "ada may sign in at https://identity.example.org as 2482" in petalite("link", "ada", "2482")
    petalite("link", "ada", "2482")
    with pytest.raises(ConflictError, match="'2482' is linked already"):
        petalite("link", "bob", "2482")
    with pytest.raises(InvalidValueError, match="printable"):
        petalite("link", "ada", "")
    (listed,) = json.loads(petalite("identities", "ada", "--json"))
    assert (listed["subject"], listed["is_mapped"]) == ("2482", False)
    assert "administrators" in petalite("identities", "ada")
    with pytest.raises(NotFoundError, match="no identity number 1"):
        petalite("unlink", "bob", "1")
    assert "no longer signs in as 2482" in petalite("unlink", "ada", "1")
    assert json.loads(petalite("identities", "ada", "--json")) == []
