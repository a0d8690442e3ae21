"""Copies of everything that must not be lost, and how they come back."""

from services.backup.reading import restore_backup
from services.backup.writing import write_backup

__all__ = ["restore_backup", "write_backup"]
