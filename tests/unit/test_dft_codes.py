"""What is known of the codes behind calculators: what they are told, and what is refused before it costs anything."""

import textwrap
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import CalculationFailed, Calculator
from ase.units import Bohr

from domain.errors import (
    InvalidValueError,
    OracleUnavailableError,
    PermanentLookError,
    SpecError,
    UnsupportedCrystalError,
)
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
        ("espresso", {"input_data": {"control": {"OUTDIR": "here"}}}, "outdir"),
        ("espresso", {"additional_cards": "&CONTROL prefix='x'"}, "prefix"),
        ("espresso", {"kpts": [1, 1, 1], "input_data": {"control": {"tstress=.false. Wfcdir(1:2)": "x"}}}, "wfcdir"),
        ("abinit", {"pp_paths": "/etc"}, "pp_paths"),
        ("abinit", {"outdata_prefix": "x"}, "outdata_prefix"),
        ("abinit", {"getden_filepath2": "x"}, "getden_filepath2"),
        ("abinit", {"pp_dirpath": "x"}, "pp_dirpath"),
        ("abinit", {"nstep": "30\noutput_file x"}, "output_file"),
        ("cp2k", {"inp": "&GLOBAL\nPROJECT_NAME x\n&END GLOBAL"}, "project_name"),
        ("cp2k", {"inp": "@INCLUDE 'x'"}, "@include"),
        ("cp2k", {"xc": "PBE\n&END\nFILENAME x"}, "filename"),
        ("gpaw", {"restart": "theirs.gpw"}, "restart"),
    ],
)
def test_what_the_operator_says_a_spec_cannot(name: str, parameters: dict[str, object], key: str) -> None:
    with pytest.raises(InvalidValueError, match=rf"parameters\.{key} of .* is not for specs to say"):
        CalculatorChoice(name, parameters)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("espresso", {"pseudopotentials": {"Li": "/etc/passwd"}}),
        ("espresso", {"pseudopotentials": {"Li": ".."}}),
        ("vasp", {"setups": {"Li": "_sv/../../../etc"}}),
        ("vasp", {"pp": ".."}),
        ("vasp", {"pp_version": "54/../../etc"}),
        ("cp2k", {"basis_set_file": "/etc/passwd"}),
        ("cp2k", {"inp": "&PRINT\n&MO_CUBES\nFILE_NAME =/home/x\n&END\n&END"}),
        ("gpaw", {"setups": {"Li": "../../theirs"}}),
        ("abinit", {"title": "'~/x'"}),
    ],
)
def test_a_spec_names_no_path(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError, match=r"names a path\. Name files without their folder"):
        CalculatorChoice(name, parameters)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("abinit", {"shiftk": "1/2 1/2 1/2", "tsmear": "sqrt(3)/200"}),
        ("cp2k", {"inp": "&FORCE_EVAL\n&DFT\nELECTRIC_FIELD [eV/angstrom] 1.0\n&END DFT\n&END FORCE_EVAL"}),
    ],
)
def test_a_slash_that_divides_is_no_path(name: str, parameters: dict[str, object]) -> None:
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
                code.require_hubbard({}, HubbardTerms(inter_site=(PAIR,)))
        assert code.takes_U == (name != "cp2k")
    with pytest.raises(InvalidValueError, match="does not know how to give the calculator a Hubbard U"):
        code_of("ase.calculators.emt.EMT").require_hubbard({}, HubbardTerms((IRON_U,)))


def test_abinit_has_a_u_with_paw_only() -> None:
    with pytest.raises(InvalidValueError, match=r"with PAW only, and parameters\.pps is 'psp8'"):
        NAMES["abinit"].require_hubbard({"pps": "psp8"}, HubbardTerms((IRON_U,)))


@pytest.mark.parametrize(
    ("parameters", "retries"),
    [
        ({"pps": "psp8"}, []),
        ({"pps": "pawxml"}, [{"words": "other potentials", "parameters": {"pps": "psp8"}}]),
    ],
)
def test_a_u_that_a_code_cannot_take_is_refused_when_the_spec_is_read(
    parameters: dict[str, object], retries: list[object]
) -> None:
    hubbard = {"provider": "explicit", "on_site": [{"element": "Fe", "orbital": "3d", "U_eV": 4.0, "source": "fit"}]}
    settings = {"calculator": "abinit", "parameters": parameters, "hubbard": hubbard, "retries": retries}
    with pytest.raises(SpecError, match="with PAW only"):
        build_oracle("ase", settings)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gpaw", {"setups": {"Fe": ":d,3"}}),
        ("gpaw", {"setups": "paw:d,3"}),
        ("vasp", {"ldau_luj": {"Fe": {"L": 2, "U": 4, "J": 0}}}),
        ("vasp", {"custom": {"LDAUU": "4 0"}}),
        ("espresso", {"additional_cards": ["HUBBARD (ortho-atomic)", "U Fe-3d 4.0"]}),
        ("espresso", {"input_data": {"system": {"lda_plus_u": True, "Hubbard_U(1)": 4.0}}}),
        ("abinit", {"usepawu": 1}),
        ("abinit", {"nstep": "30 upawu1 0.1"}),
        ("cp2k", {"inp": "&FORCE_EVAL\n&DFT\n&DFT_PLUS_U\n&END\n&END\n&END"}),
    ],
)
def test_a_u_is_given_with_its_source_alone(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError, match="Give it as 'hubbard', with its source"):
        CalculatorChoice(name, parameters)


@pytest.mark.parametrize(("version", "passes"), [("6.7MaX", False), ("7.0", False), ("7.1", True), ("10.0", True)])
def test_a_pw_x_without_the_hubbard_card_is_refused_before_it_costs_anything(
    machine: Path, version: str, passes: bool
) -> None:
    program = machine / "bin" / "pw.x"
    program.write_text(f"#!/bin/sh\necho '     Program PWSCF v.{version} starts on 22Nov2026'\nexit 1\n")
    hubbard = {"provider": "explicit", "on_site": [{"element": "Li", "orbital": "2s", "U_eV": 4.0, "source": "fit"}]}
    settings = {"calculator": "espresso", "parameters": PARAMETERS["espresso"]}
    build_oracle("ase", settings).check()
    oracle = build_oracle("ase", {**settings, "hubbard": hubbard})
    if passes:
        oracle.check()
        return
    with pytest.raises(OracleUnavailableError, match=r"passes over Hubbard terms\. Install 7\.1 or later"):
        oracle.check()


def test_a_calculation_that_passed_over_its_hubbard_terms_is_no_answer(tmp_path: Path) -> None:
    calculator = Calculator(directory=tmp_path)
    printed = tmp_path / "espresso.pwo"
    printed.write_text("     Using HUBBARD card\n     Warning: card &SOMETHING ignored\n")
    NAMES["espresso"].require_heard(calculator)
    printed.write_text("     Warning: card HUBBARD (ORTHO-ATOMIC) ignored\n     Warning: card U LI-2S 4.0 ignored\n")
    with pytest.raises(PermanentLookError, match=r"no HUBBARD card, and computed without it\. Install 7\.1"):
        NAMES["espresso"].require_heard(calculator)


@pytest.mark.parametrize(
    ("name", "error", "was_killed"),
    [
        ("espresso", CalledProcessError(-9, "pw.x"), True),
        ("espresso", CalledProcessError(137, "mpirun"), True),
        ("espresso", CalledProcessError(2, "pw.x"), False),
        ("vasp", CalculationFailed("Vasp in /tmp/a returned an error: 137 stderr None"), True),
        ("vasp", CalculationFailed("Vasp in /tmp/a returned an error: 1 stderr None"), False),
    ],
)
def test_the_end_of_a_program_tells_whether_it_was_killed(name: str, error: Exception, was_killed: bool) -> None:
    assert NAMES[name].was_killed(error) == was_killed
    assert not was_killed or NAMES[name].failure(Calculator(), error) is None


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
