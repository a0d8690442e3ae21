"""Helpers for tests of anything that speaks the domain's language; nothing else imports them."""
