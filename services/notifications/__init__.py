"""Telling people and machines what happens: by webhook, e-mail and chat."""

from services.notifications.notifier import Notifier

__all__ = ["Notifier"]
