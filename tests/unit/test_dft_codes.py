"""What is known of the codes behind calculators: what they are told, and what is refused before it costs anything."""

import textwrap
from pathlib import Path

import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import Bohr

from domain.errors import InvalidValueError, OracleUnavailableError, UnsupportedCrystalError
from oracles.calculators import CalculatorChoice
from oracles.dft.code import Calculation
from oracles.dft.codes import CODES, code_of
from oracles.dft.cp2k import with_kpoints
from oracles.dft.espresso import nearest_pairs
from oracles.dft.hubbard import HubbardTerms, InterSite, OnSite
from oracles.registry import build_oracle
from oracles.testing import rock_salt

IRON_U = OnSite("Fe", "3d", 4.0, "a table")
GRID = ("&KPOINTS", "SCHEME MONKHORST-PACK 2 3 4", "&END KPOINTS")
PAIR = InterSite("Co", "3d", "O", "2p", 0.75, "linear response")
NAMES = {name: code_of(CalculatorChoice(name, {}).path) for name in ("gpaw", "espresso", "vasp", "abinit", "cp2k")}


def iron_oxide() -> Atoms:
    atoms = bulk("FeO", "rocksalt", a=4.3)
    atoms.set_initial_magnetic_moments([4.0, 0.0])
    return atoms


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with every program, and with potentials of lithium alone."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("mpirun", "pw.x", "vasp_std", "abinit", "cp2k.psmp"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    potentials = tmp_path / "potentials"
    (potentials / "potpaw_PBE.54" / "Li_sv").mkdir(parents=True)
    (potentials / "potpaw_PBE.54" / "Li_sv" / "POTCAR").write_text("PAW_PBE Li_sv")
    (potentials / "Li.upf").write_text("lithium")
    (potentials / "Li.psp8").write_text("lithium")
    (potentials / "BASIS_MOLOPT").write_text("Li DZVP-MOLOPT-SR-GTH DZVP-MOLOPT-SR-GTH-q3\n 1\n")
    (potentials / "POTENTIAL").write_text("Li GTH-PBE-q3 GTH-PBE\n 3\n")
    (tmp_path / "config.ini").write_text(
        textwrap.dedent(f"""\
        [espresso]
        command = mpirun -n 2 pw.x
        pseudo_dir = {potentials}
        [abinit]
        command = abinit
        pp_paths =
            {potentials}
        [cp2k]
        cp2k_shell = cp2k.psmp -s
        [environment]
        VASP_COMMAND = mpirun -n 2 vasp_std
        VASP_PP_PATH = {potentials}
        CP2K_DATA_DIR = {potentials}
        """)
    )
    monkeypatch.setenv("ASE_CONFIG_PATH", str(tmp_path / "config.ini"))
    return tmp_path


PARAMETERS = {
    "espresso": {"pseudopotentials": {"Li": "Li.upf"}},
    "vasp": {"xc": "PBE", "pp_version": "54", "setups": "recommended"},
    "abinit": {"pps": "psp8", "xc": "PBE"},
    "cp2k": {"xc": "PBE"},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_machine_that_is_set_up_passes(machine: Path, name: str) -> None:
    choice = CalculatorChoice(name, PARAMETERS[name])
    choice.check()
    choice.code.require_setups(choice.parameters, ["Li"])
    assert "sha256" in choice.software


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("espresso", r"parameters\.pseudopotentials names no file for Cl\. Add a line such as Cl: Cl\.upf"),
        ("vasp", r"VASP has no potential of Cl here: .*potpaw_PBE\.54/Cl/POTCAR is missing\. Put it there"),
        ("abinit", r"ABINIT has no pseudopotential of Cl of the kind 'psp8' in .*potentials"),
        ("cp2k", r"CP2K has no basis set DZVP-MOLOPT-SR-GTH of Cl in .*BASIS_MOLOPT"),
    ],
)
def test_an_element_without_its_file_is_refused_before_the_look(machine: Path, name: str, missing: str) -> None:
    oracle = build_oracle("ase", {"calculator": name, "parameters": PARAMETERS[name]})
    with pytest.raises(UnsupportedCrystalError, match=missing):
        oracle.require_supported(rock_salt())


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_machine_with_nothing_says_what_to_write_where(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASE_CONFIG_PATH", str(tmp_path / "none.ini"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("VASP_COMMAND", "ASE_VASP_COMMAND", "VASP_PP_PATH", "ASE_CP2K_COMMAND", "CP2K_DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)
    choice = CalculatorChoice(name, PARAMETERS[name])
    with pytest.raises(OracleUnavailableError, match=r"none\.ini"):
        choice.check()
    assert "missing" in choice.software


def test_a_missing_program_is_named(machine: Path) -> None:
    (machine / "bin" / "pw.x").unlink()
    (machine / "bin" / "mpirun").unlink()
    with pytest.raises(OracleUnavailableError, match=r"program 'mpirun' of Quantum ESPRESSO is not on this machine"):
        CalculatorChoice("espresso", PARAMETERS["espresso"]).check()


def test_a_pseudopotential_that_is_not_in_its_folder_is_named(machine: Path) -> None:
    with pytest.raises(OracleUnavailableError, match=r"pseudopotential of O, O\.upf, is not in .*potentials"):
        CalculatorChoice("espresso", {"pseudopotentials": {"Li": "Li.upf", "O": "O.upf"}}).check()


def test_another_pseudopotential_is_another_version(machine: Path) -> None:
    choice = CalculatorChoice("espresso", PARAMETERS["espresso"])
    before = choice.software
    (machine / "potentials" / "Li.upf").write_text("another lithium")
    assert choice.software != before


def test_gpaw_refuses_elements_without_a_setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gpaw_data")
    with pytest.raises(UnsupportedCrystalError, match=r"GPAW has no setup of Pu: no file Pu\.\* in .*GPAW_SETUP_PATH"):
        NAMES["gpaw"].require_setups({}, ["Li", "Pu"])
    (tmp_path / "Pu.PBE").write_text("<paw_setup/>")
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path))
    NAMES["gpaw"].require_setups({}, ["Li", "Pu"])


@pytest.mark.parametrize(
    ("name", "parameters", "key"),
    [
        ("espresso", {"input_data": {"control": {"pseudo_dir": "/etc"}}}, "pseudo_dir"),
        ("espresso", {"input_data": {"outdir": "/etc"}}, "outdir"),
        ("abinit", {"pp_paths": "/etc"}, "pp_paths"),
    ],
)
def test_what_the_operator_says_a_spec_cannot(name: str, parameters: dict[str, object], key: str) -> None:
    with pytest.raises(InvalidValueError, match=rf"parameters\.{key} of .* is not for specs to say"):
        CalculatorChoice(name, parameters)


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("gpaw", "kpts", {"size": [2, 3, 4], "gamma": True}),
        ("espresso", "kpts", [2, 3, 4]),
        ("vasp", "gamma", True),
        ("abinit", "kpts", [2, 3, 4]),
        (
            "cp2k",
            "inp",
            "&FORCE_EVAL\n&DFT\n&KPOINTS\nSCHEME MONKHORST-PACK 2 3 4\n&END KPOINTS\n&END DFT\n&END FORCE_EVAL",
        ),
    ],
)
def test_every_code_is_told_the_grid_in_its_own_words(name: str, key: str, expected: object) -> None:
    assert NAMES[name].arguments({}, Calculation(bulk("Li"), (2, 3, 4)))[key] == expected


def test_a_grid_goes_into_the_sections_of_a_template() -> None:
    template = "&FORCE_EVAL\n  &DFT\n    &SCF\n    &END SCF\n  &END DFT\n&END FORCE_EVAL"
    lines = with_kpoints(template, (2, 2, 2)).splitlines()
    assert lines[1:4] == ["  &DFT", "&KPOINTS", "SCHEME MONKHORST-PACK 2 2 2"]
    assert with_kpoints("&DFT\n&KPOINTS\n&END\n&END", (2, 2, 2)) == "&DFT\n&KPOINTS\n&END\n&END"


@pytest.mark.parametrize(
    ("name", "parameters", "key", "expected"),
    [
        ("gpaw", {}, "setups", {"Fe": ":d,4.0"}),
        ("gpaw", {"setups": {"Fe": "16"}}, "setups", {"Fe": "16:d,4.0"}),
        ("espresso", {}, "additional_cards", ["HUBBARD (ortho-atomic)", "U Fe-3d 4.0"]),
        ("vasp", {}, "ldau_luj", {"Fe": {"L": 2, "U": 4.0, "J": 0.0}}),
        ("abinit", {"pps": "pawxml"}, "lpawu", [-1, 2]),
    ],
)
def test_a_hubbard_u_is_told_in_each_code_s_words(
    name: str, parameters: dict[str, object], key: str, expected: object
) -> None:
    calculation = Calculation(iron_oxide(), hubbard=HubbardTerms((IRON_U,)))
    assert NAMES[name].arguments(parameters, calculation)[key] == expected


def test_what_a_code_does_not_have_is_refused() -> None:
    for name, code in NAMES.items():
        if not code.takes_V:
            with pytest.raises(InvalidValueError, match=f"how to give {code.name} a Hubbard V"):
                code.require_hubbard(HubbardTerms(inter_site=(PAIR,)))
        assert code.takes_U == (name != "cp2k")
    with pytest.raises(InvalidValueError, match="does not know how to give the calculator a Hubbard U"):
        code_of("ase.calculators.emt.EMT").require_hubbard(HubbardTerms((IRON_U,)))


def test_abinit_has_a_u_with_paw_only() -> None:
    with pytest.raises(InvalidValueError, match=r"with PAW only, and parameters\.pps is 'psp8'"):
        NAMES["abinit"].arguments({"pps": "psp8"}, Calculation(iron_oxide(), hubbard=HubbardTerms((IRON_U,))))


def test_a_u_is_not_given_twice() -> None:
    calculation = Calculation(iron_oxide(), hubbard=HubbardTerms((IRON_U,)))
    with pytest.raises(InvalidValueError, match=r"Fe has a Hubbard U in parameters\.setups \(':d,3'\)"):
        NAMES["gpaw"].arguments({"setups": {"Fe": ":d,3"}}, calculation)


def test_neighbours_are_numbered_as_pw_x_numbers_them() -> None:
    """The example of Quantum ESPRESSO's INPUT_PW (LiCoO2, six oxygen atoms around cobalt)."""
    cell = espresso_cell(9.3705 * Bohr, 0.83874)
    x = 0.2604885
    atoms = Atoms("CoO2Li", scaled_positions=[[0] * 3, [x] * 3, [1 - x] * 3, [0.5] * 3], cell=cell, pbc=True)
    assert {neighbour for _, neighbour in nearest_pairs(atoms, PAIR)} == {19, 46, 43, 54, 11, 22}


def espresso_cell(a_A: float, cosine: float) -> list[list[float]]:
    """The vectors of pw.x for a trigonal lattice (ibrav 5)."""
    x, y, z = ((1 - cosine) / 2) ** 0.5, ((1 - cosine) / 6) ** 0.5, ((1 + 2 * cosine) / 3) ** 0.5
    return [[a_A * x, -a_A * y, a_A * z], [0, 2 * a_A * y, a_A * z], [-a_A * x, -a_A * y, a_A * z]]


def test_no_code_s_own_retries_change_a_converged_number() -> None:
    for code in CODES.values():
        assert code.retries
        assert all(step.keeps_number(code.steadying) for step in code.retries)
