"""What the compose file starts is what can be started by hand."""

import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from services.api.app import create_app
from services.cli.main import app
from services.settings import load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def _filled(text: str) -> str:
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: f"{match[1].lower()}.test", filled)


def test_its_parts_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "prefect", "api", "worker", "proxy"}


@pytest.mark.parametrize("name", ["api", "worker"])
def test_commands_and_their_options_exist(compose: dict[str, Any], name: str) -> None:
    command, *options = compose["services"][name]["command"]
    known = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined] - it is a group
    names = {text for parameter in known.params for text in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= names


@pytest.mark.parametrize("name", ["api", "worker"])
def test_settings_are_understood(compose: dict[str, Any], name: str) -> None:
    environ = {key: _filled(value) for key, value in compose["services"][name]["environment"].items()}
    settings = load_settings({key: value for key, value in environ.items() if key.startswith("PETALITE_")})
    assert settings.is_https
    assert settings.store_url.startswith("postgresql://")


def test_only_the_proxy_is_open_to_the_world(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    assert compose["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "prefect"):
        assert compose["services"][name]["networks"] == ["inside"]


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    used = re.findall(r"\$\{(\w+)([^}]*)\}", text)
    required = {name for name, rest in used if rest.startswith(":?")}
    assert required == {"POSTGRES_PASSWORD", "PREFECT_PASSWORD", "PETALITE_DOMAIN"}
    assert {name for name, _ in used} - required == {"PROXY_NETWORKS"}


def test_what_it_mounts_is_in_the_checkout(compose: dict[str, Any]) -> None:
    mounted = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    own = [volume.split(":")[0] for volume in mounted if volume.startswith("./")]
    assert own
    assert [path for path in own if not (ROOT / path).exists()] == []
    named = {volume.split(":")[0] for volume in mounted if not volume.startswith("./")}
    assert named <= set(compose["volumes"])


def test_the_image_holds_every_package_and_nothing_private() -> None:
    dockerfile, ignored = (ROOT / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text().splitlines()
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    assert copied == {"domain", "generators", "surrogates", "oracles", "services", "flows"}
    assert ignored[0] == "*"
    assert copied <= {line.removeprefix("!") for line in ignored}
    assert "USER petalite" in dockerfile


@pytest.mark.parametrize("address", ["10.89.0.2", "172.20.0.3", "192.168.240.4", "fd4d::5"])
def test_the_proxy_is_trusted_wherever_docker_puts_it(compose: dict[str, Any], address: str) -> None:
    networks = _filled(compose["services"]["api"]["environment"]["PETALITE_TRUSTED_PROXIES"]).split(",")
    assert any(ip_address(address) in ip_network(network) for network in networks)
    assert "ports" not in compose["services"]["api"]


def test_the_health_check_asks_a_route_that_exists(compose: dict[str, Any], tmp_path: Path) -> None:
    checked = re.search(r'http://127\.0\.0\.1:(\d+)(/[^"]*)"', compose["services"]["api"]["healthcheck"]["test"][-1])
    assert checked is not None
    settings = load_settings({"PETALITE_HOME": str(tmp_path)})
    assert int(checked[1]) == settings.port
    assert checked[2] in create_app(settings).openapi()["paths"]


def test_every_setting_of_the_image_exists() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    named = re.findall(r"\b(PETALITE_\w+)=(\S+)", dockerfile)
    assert named == [("PETALITE_HOME", "/data")]
    command, *options = json.loads(re.search(r"^CMD (.*)$", dockerfile, re.MULTILINE)[1])
    known = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined] - it is a group
    assert set(options[::2]) <= {text for parameter in known.params for text in parameter.opts}


@pytest.mark.parametrize("name", ["api", "worker"])
def test_data_is_kept_where_the_image_keeps_it(compose: dict[str, Any], name: str) -> None:
    assert "data:/data" in compose["services"][name]["volumes"]
    assert compose["services"][name]["depends_on"]["postgres"]["condition"] == "service_healthy"
