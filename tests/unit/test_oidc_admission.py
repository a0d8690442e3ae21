"""Who comes in by the identity provider's word, and who does not whatever it says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import NotAuthenticatedError
from services.access.invitations import accept_invitation, first_administrator_link
from services.access.oidc_admission import admit
from services.access.oidc_claims import ClaimMap, ClaimRule
from services.access.oidc_tokens import Identity
from services.access.people import add_group, add_member, add_user, deactivate, set_role
from services.access.principal import local_operator
from services.access.roles import Role
from services.store import Store, open_store

ISSUER = "https://identity.example.org"
CLAIM_MAP = ClaimMap(
    "groups",
    (ClaimRule("heads", Role.ADMINISTRATOR), ClaimRule("chemists", Role.SCIENTIST)),
    may_make_administrators=True,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened


@pytest.fixture
def run_store(store: Store) -> Store:
    """One that somebody runs already."""
    add_user(store, "root", role=Role.ADMINISTRATOR, by=local_operator())
    return store


def _ada(*groups: str) -> Identity:
    return Identity(ISSUER, "ada at the provider", {"preferred_username": "ada", "groups": list(groups)})


def _role(store: Store) -> Role:
    return store.people.get("ada").role


def test_the_first_user_is_no_one_that_the_provider_sends(store: Store) -> None:
    link = first_administrator_link(store, "https://petalite.example.org")
    assert link is not None
    with pytest.raises(NotAuthenticatedError, match="no administrator yet"):
        admit(store, _ada("heads"), CLAIM_MAP)
    secret = link.partition("#")[2]
    assert accept_invitation(store, secret, name="root", password="a long sentence").role is Role.ADMINISTRATOR


def test_administrators_come_and_go_where_the_map_says_so(run_store: Store) -> None:
    admit(run_store, _ada("heads"), CLAIM_MAP)
    assert _role(run_store) is Role.ADMINISTRATOR
    admit(run_store, _ada("chemists"), CLAIM_MAP)
    assert _role(run_store) is Role.SCIENTIST


def test_the_last_administrator_stays_one_and_outside(run_store: Store) -> None:
    admit(run_store, _ada("heads"), CLAIM_MAP)
    deactivate(run_store, "root", by=local_operator())
    with pytest.raises(NotAuthenticatedError, match="ada is the last active administrator"):
        admit(run_store, _ada("chemists"), CLAIM_MAP)
    assert _role(run_store) is Role.ADMINISTRATOR


def test_without_its_map_nobody_keeps_what_it_gave(run_store: Store) -> None:
    admit(run_store, _ada("chemists"), CLAIM_MAP)
    with pytest.raises(NotAuthenticatedError, match="no longer says anything"):
        admit(run_store, _ada("chemists"), None)
    assert _role(run_store) is Role.VIEWER


def test_groups_go_as_they_came(run_store: Store) -> None:
    for name in ("solids", "liquids", "by-hand"):
        add_group(run_store, name, by=local_operator())

    def groups_after(*groups: str) -> set[str]:
        """What ada belongs to once the map gives chemists these groups."""
        admit(run_store, _ada("chemists"), ClaimMap("groups", (ClaimRule("chemists", Role.SCIENTIST, groups),)))
        own = run_store.people.groups_of(run_store.people.get("ada").id)
        return {run_store.people.group_by_id(number).name for number in own}

    assert groups_after("solids", "liquids") == {"solids", "liquids"}
    add_member(run_store, "by-hand", "ada", by=local_operator())
    assert groups_after("liquids", "by-hand") == {"liquids", "by-hand"}
    # The map names it no more, and what was given by hand is not the map's to take.
    assert groups_after() == {"by-hand"}


def test_what_an_administrator_has_changed_is_the_providers_again(run_store: Store) -> None:
    admit(run_store, _ada("chemists"), CLAIM_MAP)
    set_role(run_store, "ada", Role.ADMINISTRATOR, by=local_operator())
    admit(run_store, _ada("chemists"), CLAIM_MAP)
    assert _role(run_store) is Role.SCIENTIST


def test_whoever_is_linked_by_hand_keeps_what_administrators_gave(run_store: Store) -> None:
    ada = add_user(run_store, "ada", role=Role.LABORATORY, by=local_operator())
    run_store.identities.create(ada.id, issuer=ISSUER, subject="ada at the provider", is_mapped=False)
    for groups in (["heads"], []):
        admit(run_store, _ada(*groups), CLAIM_MAP)
        assert _role(run_store) is Role.LABORATORY


def test_whoever_is_deactivated_gains_nothing(run_store: Store) -> None:
    admit(run_store, _ada("chemists"), CLAIM_MAP)
    deactivate(run_store, "ada", by=local_operator())
    admit(run_store, _ada("heads"), CLAIM_MAP)
    ada = run_store.people.get("ada")
    assert (ada.role, ada.is_active) == (Role.SCIENTIST, False)


@pytest.mark.parametrize("name", ["", "Ada Lovelace", "-ada", "a" * 64, "root"])
def test_a_name_that_cannot_be_given_makes_nobody(run_store: Store, name: str) -> None:
    identity = Identity(ISSUER, "somebody", {"preferred_username": name, "groups": ["chemists"]})
    with pytest.raises(NotAuthenticatedError, match="No user can be made of the identity 'somebody'"):
        admit(run_store, identity, CLAIM_MAP)
    assert [user.name for user in run_store.people.list()] == ["root"]
    assert run_store.identities.find(ISSUER, "somebody") is None
