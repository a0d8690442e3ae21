"""Asks a teacher for energies, forces and stresses. Runs alone, in the teacher's environment: ase, numpy, the teacher.

Usage: python teacher_program.py CONFIGURATIONS.xyz FOLDER TEACHER MODEL

Reads extended XYZ whose frames have a `key`, and writes FOLDER/<number>.xyz with `REF_energy` (eV), `REF_forces` (eV/Å)
and `REF_stress` (eV/Å³, Voigt, positive where the cell wants to shrink), and FOLDER/teacher.json with what answered.
What is there already is not asked again, so that it can be stopped and started at will.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

_CHUNK = 10


def main(configurations: Path, folder: Path, teacher: str, model: str) -> None:
    """Labels every configuration that is not labelled yet, and says after each chunk how far it is."""
    from ase.io import iread

    folder.mkdir(parents=True, exist_ok=True)
    calculator, identity = _teacher(teacher, model)
    _require_same(folder / "teacher.json", identity)
    done = {atoms.info["key"] for path in sorted(folder.glob("*.xyz")) for atoms in iread(path, ":")}
    wanted = [atoms for atoms in iread(configurations, ":") if atoms.info["key"] not in done]
    # Keys are as good as random, so that what is labelled at any time stands for all.
    wanted.sort(key=lambda atoms: str(atoms.info["key"]))
    total = len(done) + len(wanted)
    number = max((int(path.stem) + 1 for path in folder.glob("*.xyz")), default=0)
    for start in range(0, len(wanted), _CHUNK):
        labelled = [_labelled(atoms, calculator) for atoms in wanted[start : start + _CHUNK]]
        _write(folder, number, labelled)
        number += 1
        sys.stdout.write(f"labelled {len(done) + start + len(labelled)} of {total}\n")
        sys.stdout.flush()


def _labelled(atoms: Atoms, calculator: Calculator) -> Atoms:
    """The same atoms with the teacher's answer."""
    answered = atoms.copy()
    answered.calc = None
    asked = atoms.copy()
    asked.calc = calculator
    began = time.process_time()
    answered.info["REF_energy"] = float(asked.get_potential_energy())
    answered.info["REF_stress"] = asked.get_stress()
    answered.arrays["REF_forces"] = asked.get_forces()
    answered.info["teacher_cpu_s"] = time.process_time() - began
    return answered


def _write(folder: Path, number: int, labelled: list[Atoms]) -> None:
    """Writes whole files only, so that what is there is complete."""
    from ase.io import write

    unfinished = folder / "unfinished"
    write(unfinished, labelled, format="extxyz")
    unfinished.rename(folder / f"{number:05d}.xyz")


def _require_same(path: Path, identity: dict[str, str]) -> None:
    """Ends the program where another teacher has answered before."""
    if path.exists() and json.loads(path.read_text()) != identity:
        sys.exit(f"{path.parent} holds the answers of another teacher: {path.read_text()}")
    path.write_text(json.dumps(identity, indent=1))


def _teacher(teacher: str, model: str) -> tuple[Calculator, dict[str, str]]:
    """The calculator, and what it is: software, model and the hash of its weights."""
    if teacher == "sevennet":
        from sevenn.calculator import SevenNetCalculator
        from sevenn.util import pretrained_name_to_path

        weights = Path(pretrained_name_to_path(model))
        return SevenNetCalculator(str(weights), device="cpu"), _identity("sevenn", model, weights)
    if teacher == "chgnet":
        import chgnet
        from chgnet.model.dynamics import CHGNetCalculator
        from chgnet.model.model import CHGNet

        network = CHGNet.load(model_name=model, use_device="cpu", verbose=False)
        weights = next((Path(chgnet.__file__).parent / "pretrained" / model).glob("*.pth.tar"))
        calculator = CHGNetCalculator(model=network, use_device="cpu", on_isolated_atoms="ignore")
        return calculator, _identity("chgnet", model, weights)
    from ase.calculators.emt import EMT

    return EMT(), {"teacher": "emt", "version": version("ase"), "model": "EMT"}


def _identity(package: str, model: str, weights: Path) -> dict[str, str]:
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    return {"teacher": package, "version": version(package), "model": model, "sha256": sha256}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
