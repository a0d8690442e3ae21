"""The validator for oracles, ours and others': what every answer must satisfy, and what every oracle must do."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import InvalidValueError, PermanentLookError, PetaliteError, UnsupportedCrystalError
from domain.lattice import LatticeParameters
from domain.look import LookProgress, LookRequest, LookResult, ReferenceEnergy
from domain.parsing import parse_json, to_json
from domain.ports import ComputedOracle, Oracle, OracleMode, ResumableOracle, Workbench
from domain.quantity import QUANTITIES, Quantity
from domain.space_groups import SpaceGroup

SEED: Final = 20231010
"""Seed of the looks that a check makes."""
REPEATABILITY: Final = 1e-4
"""Two looks with the same seed may differ by this share (of 1 at least): single-precision sums are not exact."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of a check's report."""

    name: str
    """What was checked."""
    passed: bool
    detail: str
    """What was seen, or what is wrong."""


def require_sound_result(quantity: Quantity, request: LookRequest, result: LookResult) -> None:
    """Refuses a result that no store should keep.

    Raises:
        PermanentLookError: If a number is impossible, the value is implausible, or sites belong elsewhere.
    """
    problem = None
    if not math.isfinite(result.value):
        problem = f"The oracle answered {result.value}, which is no number."
    elif not quantity.low <= result.value <= quantity.high:
        problem = (
            f"The oracle answered {result.value} {quantity.unit}; {quantity.low:g} to {quantity.high:g} was expected."
        )
    elif result.sigma is not None and not (math.isfinite(result.sigma) and result.sigma >= 0):
        problem = f"The oracle gave a standard deviation of {result.sigma}."
    elif result.temperature_K is not None and not 0 < result.temperature_K < math.inf:
        problem = f"The oracle gave a temperature of {result.temperature_K} K."
    elif any(realization.blueprint_digest != request.blueprint.digest for realization in result.realizations):
        problem = "The oracle returned sites that belong to another blueprint."
    elif not _names_known_sites(request, result):
        problem = "The oracle says that its value belongs to sites that nobody knows."
    if problem is not None:
        raise PermanentLookError(problem, remedy="Report it to the oracle's maintainers, with its version.")


def _names_known_sites(request: LookRequest, result: LookResult) -> bool:
    known = {realization.digest for realization in (*request.realizations, *result.realizations)}
    return result.realization_digest is None or result.realization_digest in known


def require_sound_reference(symbol: str, reference: ReferenceEnergy) -> None:
    """Refuses a reference energy that no store should keep.

    Raises:
        PermanentLookError: If it is not finite, belongs to another element or does not say which structure it is of.
    """
    if reference.symbol != symbol or not math.isfinite(reference.energy_eV_per_atom) or not reference.structure:
        raise PermanentLookError(
            f"The reference energy of {symbol} came back as {reference.energy_eV_per_atom} eV/atom of "
            f"'{reference.symbol}' ({reference.structure or 'no structure'}).",
            remedy="Report it to the oracle's maintainers, with its version.",
        )


def check_oracle(oracle: Oracle, blueprint: Blueprint) -> tuple[CheckLine, ...]:
    """Checks that an oracle keeps the promises of `domain.ports`, by really looking at a crystal.

    Computed oracles are asked twice. Give the oracle of a worker process (`OracleProcess.as_oracle`) where its software
    must not be loaded here. Foreign exceptions are not caught: an oracle that raises one has failed the check.

    Args:
        oracle: The oracle.
        blueprint: A crystal that it supports.

    Returns:
        One line for each promise. Where one fails, those that build on it are left out.
    """
    lines = [_line("identity", lambda: _identity(oracle)), _line("software", lambda: _software(oracle))]
    lines.append(_line("support", lambda: _support(oracle, blueprint)))
    if all(line.passed for line in lines) and oracle.mode is OracleMode.COMPUTED:
        lines += _check_looks(oracle, blueprint)
    return tuple(lines)


def _line(name: str, check: Callable[[], str]) -> CheckLine:
    try:
        return CheckLine(name, passed=True, detail=check())
    except PetaliteError as error:
        return CheckLine(name, passed=False, detail=str(error))


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001
    if not condition:
        raise InvalidValueError(problem, remedy="See the port in domain/ports.py.")


def _identity(oracle: Oracle) -> str:
    _require(bool(oracle.name), "The oracle has no name.")
    _require(bool(oracle.version), "The oracle has no version.")
    _require(
        QUANTITIES.get(oracle.quantity.name) == oracle.quantity,
        f"The oracle's quantity {oracle.quantity.name} is not the one in Petalite's table.",
    )
    return f"{oracle.name}: {oracle.version}; {oracle.quantity.name} in {oracle.quantity.unit}"


def _software(oracle: Oracle) -> str:
    oracle.check()
    return "installed"


def _support(oracle: Oracle, blueprint: Blueprint) -> str:
    oracle.require_supported(blueprint)
    try:
        oracle.require_supported(_strange_blueprint())
    except UnsupportedCrystalError as error:
        return f"takes {blueprint.composition.formula}; refuses 300 atoms of plutonium: {error.problem}"
    return f"takes {blueprint.composition.formula}, and 300 atoms of plutonium"


def _strange_blueprint() -> Blueprint:
    return Blueprint(SpaceGroup(1), Composition(((94, 300),)), LatticeParameters(18.0, 19.0, 20.0, 80.0, 85.0, 95.0))


def _check_looks(oracle: Oracle, blueprint: Blueprint) -> list[CheckLine]:
    if not isinstance(oracle, ComputedOracle):
        return [CheckLine("port", passed=False, detail="The oracle computes, yet has no look and no reference.")]
    references: dict[str, float] = {}
    lines = [_line("references", lambda: _references(oracle, blueprint, references))]
    if not lines[0].passed:
        return lines
    request = LookRequest(blueprint, SEED, references=references)
    results: list[LookResult] = []
    lines.append(_line("look", lambda: _look(oracle, request, results)))
    if lines[-1].passed:
        lines.append(_line("same seed, same value", lambda: _repeats(oracle, request, results[0])))
        lines.append(_line("round trip through JSON", lambda: _round_trip(request, results[0])))
        lines.append(_line("known sites are taken", lambda: _takes_known_sites(oracle, request, results[0])))
    if lines[-1].passed and isinstance(oracle, ResumableOracle):
        lines.append(_line("a look that goes on", lambda: _goes_on(oracle, request, results[0])))
    if references:
        lines.append(_line("missing references", lambda: _refuses_without_references(oracle, blueprint)))
    return lines


def _references(oracle: ComputedOracle, blueprint: Blueprint, found: dict[str, float]) -> str:
    for symbol in oracle.reference_elements(blueprint):
        reference = oracle.reference(symbol)
        require_sound_reference(symbol, reference)
        _require(parse_json(ReferenceEnergy, to_json(reference)) == reference, f"{symbol} does not survive JSON.")
        found[symbol] = reference.energy_eV_per_atom
    return _written(found) or "none needed"


def _written(energies: Mapping[str, float]) -> str:
    return ", ".join(f"{symbol} {energy:.4f} eV/atom" for symbol, energy in energies.items())


def _look(oracle: ComputedOracle, request: LookRequest, results: list[LookResult]) -> str:
    result = oracle.look(request)
    require_sound_result(oracle.quantity, request, result)
    for point in result.series:
        # Leaving it out saves the value, which is no reason to answer it.
        oracle.quantity.require_plausible(point.value)
    results.append(result)
    sites = f", {len(result.realizations)} realizations" if result.realizations else ""
    return f"{result.value:.6g} {oracle.quantity.unit}{sites}"


def _repeats(oracle: ComputedOracle, request: LookRequest, first: LookResult) -> str:
    second = oracle.look(request)
    _require(
        math.isclose(first.value, second.value, rel_tol=REPEATABILITY, abs_tol=REPEATABILITY),
        f"The same look gave {first.value} and then {second.value}.",
    )
    _require(first.realization_digest == second.realization_digest, "The same look chose other sites.")
    return f"{abs(first.value - second.value):.1e} apart"


def _round_trip(request: LookRequest, result: LookResult) -> str:
    _require(parse_json(LookRequest, to_json(request)) == request, "The request does not survive JSON.")
    _require(parse_json(LookResult, to_json(result)) == result, "The result does not survive JSON.")
    return f"{len(to_json(result))} bytes"


def _takes_known_sites(oracle: ComputedOracle, request: LookRequest, first: LookResult) -> str:
    again = LookRequest(request.blueprint, request.seed, first.realizations, request.references)
    result = oracle.look(again)
    require_sound_result(oracle.quantity, again, result)
    return f"{result.value:.6g} {oracle.quantity.unit}"


def _goes_on(oracle: ResumableOracle, request: LookRequest, first: LookResult) -> str:
    """The second attempt finds what the first left, and both answer as the look in one piece."""
    told: list[LookProgress] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            again = oracle.resume(request, Workbench(Path(folder), told.append))
            require_sound_result(oracle.quantity, request, again)
            _require(
                math.isclose(first.value, again.value, rel_tol=REPEATABILITY, abs_tol=REPEATABILITY),
                f"The look in one piece gave {first.value}, the one that goes on {again.value}.",
            )
    _require(bool(told), "The look tells nobody how far it is.")
    return told[-1].note


def _refuses_without_references(oracle: ComputedOracle, blueprint: Blueprint) -> str:
    try:
        oracle.look(LookRequest(blueprint, SEED))
    except PetaliteError as error:
        return f"refused: {error.problem}"
    raise InvalidValueError(
        "The oracle looked without the reference energies that it says it needs.", remedy="Raise a domain error."
    )
