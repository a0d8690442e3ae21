"""The words of who may do what. Which role has which permissions is a matrix of `services.access.roles`."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is here for."""

    ADMINISTRATOR = "administrator"
    """Runs this service: may do everything and sees every campaign."""
    SCIENTIST = "scientist"
    """Plans and runs campaigns."""
    LABORATORY = "laboratory"
    """Makes and measures crystals."""
    MACHINE = "machine"
    """Answers computed queries."""
    VIEWER = "viewer"
    """Looks on."""


class Permission(StrEnum):
    """One thing that may be allowed; also the scope of a token."""

    READ = "read"
    """See the campaigns of one's groups."""
    CAMPAIGN_WRITE = "campaign:write"
    """Create, edit and schedule campaigns."""
    CAMPAIGN_RUN = "campaign:run"
    """Start, pause, resume and stop campaigns."""
    QUERY_CLAIM = "query:claim"
    """Claim computed queries, keep or give back the claim, hand results and reference energies in."""
    QUERY_APPROVE = "query:approve"
    """Judge queries that cost more than a campaign lets pass."""
    LABORATORY = "laboratory"
    """Claim laboratory queries, hand measurements in, amend them, upload files."""
    MATERIAL_WRITE = "material:write"
    """Add and change known materials, correct reference energies."""
    EXPORT = "export"
    """Take whole campaigns away."""
    AUDIT_READ = "audit:read"
    """Read the audit log."""
    ADMINISTER = "administer"
    """Change users, groups and other people's tokens."""
    METRICS = "metrics"
    """Read how the service fares."""
