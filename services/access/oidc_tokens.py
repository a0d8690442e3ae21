"""Identity tokens: who somebody is, in the words of the identity provider, once its word is proven."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from domain.errors import NotAuthenticatedError
from domain.json_value import JsonObject
from services.access.oidc_provider import ALGORITHMS, IdentityProvider
from services.store.identities import LONGEST_SUBJECT

if TYPE_CHECKING:
    from joserfc.jwt import Token

LEEWAY_S: Final = 60
"""How far the provider's clock may be from ours."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody at an identity provider."""

    issuer: str
    """The provider, without a slash at the end, so that writing it otherwise makes nobody a stranger."""
    subject: str
    """Names them there, for ever; an e-mail address may pass to somebody else."""
    claims: JsonObject
    """All that the provider says of them."""


def read_identity_token(text: str, provider: IdentityProvider, *, nonce: str, now: datetime) -> Identity:
    """Verifies an identity token: who signed it, for whom, when, and for which sign-in.

    Args:
        text: The token.
        provider: Who must have signed it.
        nonce: What the sign-in that it answers was begun with.
        now: The time.

    Raises:
        NotAuthenticatedError: If it proves nothing.
        IdentityProviderError: If the provider's keys cannot be had.
    """
    from joserfc.errors import ClaimError, JoseError
    from joserfc.jwt import JWTClaimsRegistry

    rules = JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": provider.discovery().issuer},
        sub={"essential": True},
        aud={"essential": True, "value": provider.client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = cast(JsonObject, _signed(text, provider).claims)
        rules.validate(dict(claims))
    except ClaimError as error:
        raise _worthless(f"its claim '{error.claim}' is not what was expected") from error
    except JoseError as error:
        raise _worthless(error.error) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise _worthless("it cannot be read") from error
    subject = claims["sub"]
    if not isinstance(subject, str) or len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise _worthless("its claim 'sub' is no name")
    if not isinstance(claims["nonce"], str):
        raise _worthless("its claim 'nonce' is not what was expected")
    _require_authorized_party(claims, provider.client_id)
    return Identity(provider.issuer, subject, claims)


def _signed(text: str, provider: IdentityProvider) -> "Token":
    from joserfc.errors import InvalidKeyIdError
    from joserfc.jwt import decode

    try:
        return decode(text, provider.signing_keys(), algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        # Providers change their keys now and then; what a second look does not show is nobody's.
        return decode(text, provider.signing_keys(are_fresh=True), algorithms=ALGORITHMS)


def _require_authorized_party(claims: JsonObject, client_id: str) -> None:
    """Refuses what was made for another client, even where it may be shown to us too."""
    audience, party = claims["aud"], claims.get("azp")
    is_for_several = isinstance(audience, list) and len(audience) > 1
    if party != client_id and (is_for_several or party is not None):
        raise _worthless("its claim 'azp' is not what was expected")


def _worthless(why: str) -> NotAuthenticatedError:
    return NotAuthenticatedError(
        f"The identity provider's token proves nothing: {why}.",
        remedy="Sign in again; if that does not help, tell whoever runs this service.",
    )
