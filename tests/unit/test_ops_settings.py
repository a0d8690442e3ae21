"""The service's own variables."""

from pathlib import Path

import pytest

from domain.errors import InvalidValueError
from services.settings import load_settings


def test_defaults_listen_on_the_machine_itself(tmp_path: Path) -> None:
    settings = load_settings({"PETALITE_HOME": str(tmp_path)})
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8642, "http://127.0.0.1:8642")
    assert settings.artifacts == tmp_path / "artifacts"
    assert settings.trusted_proxies == ()
    assert settings.notify_file is None
    assert not settings.is_https


def test_service_variables_are_read() -> None:
    settings = load_settings(
        {
            "PETALITE_HOST": "::",
            "PETALITE_PORT": "80",
            "PETALITE_ARTIFACTS": "/srv/files",
            "PETALITE_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
            "PETALITE_NOTIFY_FILE": "/etc/petalite/notify.yaml",
            "PETALITE_CAMPAIGNS": "4",
            "PETALITE_LOG_LEVEL": "DEBUG",
        }
    )
    assert settings.public_url == "http://[::1]:80"
    assert settings.trusted_proxies == ("127.0.0.1", "10.0.0.0/8")
    assert (settings.artifacts, settings.notify_file) == (Path("/srv/files"), Path("/etc/petalite/notify.yaml"))
    assert (settings.campaigns, settings.log_level) == (4, "debug")


def test_the_public_address_has_no_slash_at_its_end() -> None:
    settings = load_settings({"PETALITE_PUBLIC_URL": "https://petalite.example.org/"})
    assert settings.public_url == "https://petalite.example.org"
    assert settings.is_https


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("PETALITE_PORT", "70000", "PETALITE_PORT is 70000"),
        ("PETALITE_CAMPAIGNS", "0", "PETALITE_CAMPAIGNS is 0"),
        ("PETALITE_PUBLIC_URL", "petalite.example.org", "is no address of a service"),
        ("PETALITE_PUBLIC_URL", "https://user:secret@example.org", "is no address of a service"),
        ("PETALITE_PUBLIC_URL", "https://example.org:notaport", "is no address of a service"),
        ("PETALITE_TRUSTED_PROXIES", "proxy", "holds 'proxy'"),
        ("PETALITE_LOG_LEVEL", "loud", "PETALITE_LOG_LEVEL is 'loud'"),
    ],
)
def test_impossible_values_are_refused(name: str, value: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as refused:
        load_settings({name: value})
    assert "secret" not in str(refused.value)
