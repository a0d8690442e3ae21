"""Delivers notes to a target."""

from collections.abc import Sequence
from datetime import datetime

from domain.json_value import JsonValue
from services.notifications.notes import Note, NoteKind
from services.notifications.rules import Target
from services.notifications.webhook import UndeliveredError, post_signed


def deliver(target: Target, notes: Sequence[Note], *, now: datetime) -> None:
    """Delivers notes as one message.

    Raises:
        UndeliveredError: If the target did not take it.
    """
    if target.is_webhook:
        document: JsonValue = {"notes": [_document(note) for note in notes]}
        message_id = f"petalite-{target.key[:8]}-{notes[0].event_id}-{notes[-1].event_id}"
        post_signed(target, document, message_id=message_id, timestamp_s=int(now.timestamp()))
    else:
        _deliver_by_apprise(target, notes)


def example_note(public_url: str, now: datetime) -> Note:
    """A note that every target takes."""
    return Note(
        kind=NoteKind.TEST,
        campaign="",
        group_id=None,
        title="A test",
        text="Petalite can reach you here.",
        url=public_url,
        event_id=0,
        at=now,
    )


def _deliver_by_apprise(target: Target, notes: Sequence[Note]) -> None:
    import apprise

    asset = apprise.AppriseAsset(app_id="Petalite", app_desc="Petalite", app_url="", async_mode=False)
    speaker = apprise.Apprise(asset=asset)
    if not speaker.add(target.url):
        raise UndeliveredError(
            f"The address of {target.title} is not understood.", remedy="Look the form of its url up in apprise's list."
        )
    title = notes[0].title if len(notes) == 1 else f"Petalite: {len(notes)} messages"
    body = "\n\n".join(f"{note.title}\n{note.text}\n{note.url}" for note in notes)
    if not speaker.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
        raise UndeliveredError(f"{target.title} did not take the message.", remedy="It is tried again; check its url.")


def _document(note: Note) -> JsonValue:
    return {
        "kind": note.kind.value,
        "campaign": note.campaign,
        "title": note.title,
        "text": note.text,
        "url": note.url,
        "event_id": note.event_id,
        "at": note.at.isoformat(),
    }
