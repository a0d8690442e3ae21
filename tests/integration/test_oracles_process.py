"""Worker processes: whatever a child does, the parent gets an answer or a reason, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from domain.errors import OracleError, PermanentLookError, SpecError, TransientLookError, UnsupportedCrystalError
from domain.fidelity import Fidelity, Limits
from domain.look import LookRequest
from domain.measurement import FailureKind
from oracles.running.process import Answer, OracleProcess, Refusal
from oracles.testing import install_plugin, require_oracle_contract, rock_salt

BLUEPRINT = rock_salt()
REQUEST = LookRequest(BLUEPRINT, seed=1)

MISBEHAVING = textwrap.dedent(
    """
    import ctypes, os, signal, subprocess, sys, time
    from dataclasses import replace
    from domain.errors import OracleUnavailableError, TransientLookError, UnsupportedCrystalError
    from oracles.density import DensityOracle

    def burn(seconds):
        began = time.process_time()
        while time.process_time() - began < seconds:
            pass

    def crash():
        burn(0.3)
        os.kill(os.getpid(), signal.SIGSEGV)

    def leave():
        print("these are my last words", file=sys.stderr, flush=True)
        os._exit(7)

    def hang():
        burn(0.3)
        time.sleep(1000)

    def hang_with_the_interpreter_lock():
        ctypes.PyDLL(None).sleep(1000)

    def hang_with_a_grandchild():
        child = subprocess.Popen(["sleep", "1000"])
        print(f"grandchild {child.pid}", flush=True)
        open(os.environ["GRANDCHILD_FILE"], "w").write(str(child.pid))
        time.sleep(1000)

    def eat_memory():
        return bytearray(8 * 2**30)

    def eat_memory_with_torch():
        import torch
        return torch.zeros(2**30, dtype=torch.float64)

    def fail():
        raise KeyError("no such site")

    def print_a_lot():
        os.write(1, b'{"number": 1}' * 100_000)
        print("more", flush=True)

    def speak_garbage():
        os.write(int(sys.argv[1]), b"this is no answer\\n")

    def answer_another_task():
        os.write(int(sys.argv[1]), b'{"number": 99, "core_seconds": 0.0}\\n')

    def try_later():
        raise TransientLookError("The licence server is busy.", remedy="Try later.")

    def refuse():
        raise UnsupportedCrystalError("No chlorine here.", remedy="Choose another.")

    def be_unavailable():
        raise OracleUnavailableError("No software.", remedy="Install it.")

    def give_nan(): return {"value": float("nan")}
    def give_infinity(): return {"value": float("inf")}
    def give_nonsense(): return {"value": 1e9}
    def give_foreign_sites(): return {"realization_digest": "0" * 64}
    def behave(): return {}
    def say_environment(): return {"details": {
        "threads": os.environ["OMP_NUM_THREADS"], "folder": os.getcwd(), "session": os.getsid(0) == os.getpid()}}

    def build(settings):
        act = globals()[settings["behaviour"]]
        class Misbehaving(DensityOracle):
            def look(self, request):
                changes = act()
                return replace(super(Misbehaving, self).look(request), **(changes if isinstance(changes, dict) else {}))
        return Misbehaving()
    """
)


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_plugin(tmp_path, "misbehaving", MISBEHAVING)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def misbehaving(behaviour: str, *, time_s: float = 60.0, memory_GiB: float = 4.0) -> Fidelity:
    return Fidelity("fake", "misbehaving", 1.0, {"behaviour": behaviour}, Limits(time_s, memory_GiB))


def refused(behaviour: str, **limits: float) -> Refusal:
    with OracleProcess(misbehaving(behaviour, **limits)) as process:
        refusal = process.look(REQUEST)
        assert isinstance(refusal, Refusal)
        return refusal


def test_answers_and_keeps_the_child_warm() -> None:
    with OracleProcess(Fidelity("density", "density", 1.0)) as process:
        first, second = process.look(REQUEST), process.look(REQUEST)
        assert isinstance(first, Answer)
        assert isinstance(second, Answer)
        assert first.result == second.result
        assert first.result.value == pytest.approx(BLUEPRINT.density_g_cm3)
        assert second.core_seconds < first.core_seconds  # only the first one loads
        assert first.oracle_version.startswith("petalite ")


def test_the_oracle_of_a_process_keeps_the_contract() -> None:
    with OracleProcess(Fidelity("density", "density", 1.0)) as process:
        require_oracle_contract(process.as_oracle(), BLUEPRINT)


def test_the_oracle_of_a_process_raises_what_was_refused() -> None:
    for behaviour, error in (
        ("try_later", TransientLookError),
        ("refuse", UnsupportedCrystalError),
        ("fail", PermanentLookError),
    ):
        with OracleProcess(misbehaving(behaviour)) as process, pytest.raises(error, match=r"licence|chlorine|KeyError"):
            process.as_oracle().look(REQUEST)


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ("crash", FailureKind.TRANSIENT, "died of SIGSEGV"),
        ("leave", FailureKind.TRANSIENT, "exit code 7"),
        ("speak_garbage", FailureKind.TRANSIENT, "no answer"),
        ("answer_another_task", FailureKind.TRANSIENT, "no answer"),
        ("fail", FailureKind.PERMANENT, "KeyError: 'no such site'"),
        ("try_later", FailureKind.TRANSIENT, "licence server"),
        ("refuse", FailureKind.REJECTED, "No chlorine"),
        ("be_unavailable", FailureKind.TRANSIENT, "No software"),
        ("give_nan", FailureKind.PERMANENT, "nan, which is no number"),
        ("give_infinity", FailureKind.PERMANENT, "inf, which is no number"),
        ("give_nonsense", FailureKind.PERMANENT, "0.0001 to 50 was expected"),
        ("give_foreign_sites", FailureKind.PERMANENT, "nobody knows"),
        ("eat_memory", FailureKind.PERMANENT, "more than its 4 GiB of memory"),
        pytest.param(
            "eat_memory_with_torch",
            FailureKind.PERMANENT,
            "more than its 4 GiB of memory",
            marks=pytest.mark.slow,  # loads torch
        ),
    ],
)
def test_every_misbehaviour_becomes_a_refusal(behaviour: str, kind: FailureKind, words: str) -> None:
    refusal = refused(behaviour)
    assert refusal.kind is kind
    assert words in refusal.reason
    assert refusal.core_seconds >= 0


def test_processor_time_is_kept_after_a_crash_and_a_hang() -> None:
    assert refused("crash").core_seconds >= 0.2
    assert refused("hang", time_s=2.0).core_seconds >= 0.2


def test_a_hang_is_ended_at_the_time_limit() -> None:
    refusal = refused("hang_with_the_interpreter_lock", time_s=2.0)
    assert refusal.kind is FailureKind.PERMANENT
    assert "ended after 2 s" in refusal.reason


def test_the_last_printed_lines_explain_a_crash() -> None:
    assert refused("leave").details["printed"] == ["these are my last words"]


def test_an_unforeseen_error_keeps_its_traceback() -> None:
    assert "no such site" in str(refused("fail").details["traceback"])


@pytest.mark.parametrize("behaviour", ["hang", "speak_garbage", "eat_memory"])
def test_the_next_look_gets_a_new_child(behaviour: str) -> None:
    limit_s = 1.5 if behaviour == "hang" else 60
    with OracleProcess(misbehaving(behaviour, time_s=limit_s)) as process:
        first, second = process.look(REQUEST), process.look(REQUEST)
    assert isinstance(first, Refusal)
    assert isinstance(second, Refusal)
    assert first.reason == second.reason


def test_printing_does_not_corrupt_the_protocol() -> None:
    with OracleProcess(misbehaving("print_a_lot")) as process:
        assert isinstance(process.look(REQUEST), Answer)
        assert isinstance(process.look(REQUEST), Answer)


def test_the_child_computes_with_one_thread_in_a_scratch_folder_and_a_session_of_its_own() -> None:
    with OracleProcess(misbehaving("say_environment")) as process:
        answer = process.look(REQUEST)
        assert isinstance(answer, Answer)
        details = answer.result.details
        assert details["threads"] == "1"
        assert details["session"] is True
        assert Path(str(details["folder"])).is_dir()
    assert not Path(str(details["folder"])).exists()


def test_interrupt_ends_a_look_at_once_and_the_process_stays_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "grandchild"
    monkeypatch.setenv("GRANDCHILD_FILE", str(pid_file))
    answers: list[Answer | Refusal] = []
    with OracleProcess(misbehaving("hang_with_a_grandchild")) as process:
        thread = threading.Thread(target=lambda: answers.append(process.look(REQUEST)))
        thread.start()
        grandchild = int(wait_for(lambda: pid_file.exists() and pid_file.read_text()))
        process.interrupt()
        thread.join()
        (refusal,) = answers
        assert isinstance(refusal, Refusal)
        assert (refusal.kind, refusal.reason) == (FailureKind.TRANSIENT, "The look was interrupted.")
        wait_for(lambda: is_gone(grandchild))
        assert isinstance(process.reference("Li"), Refusal)  # a new child, which has no reference


def test_interrupting_an_idle_process_is_harmless() -> None:
    with OracleProcess(Fidelity("density", "density", 1.0)) as process:
        process.interrupt()
        assert isinstance(process.look(REQUEST), Answer)
        process.interrupt()
        assert isinstance(process.look(REQUEST), Answer)


def test_a_closed_process_starts_again() -> None:
    process = OracleProcess(Fidelity("density", "density", 1.0))
    assert isinstance(process.look(REQUEST), Answer)
    process.close()
    process.close()
    assert isinstance(process.look(REQUEST), Answer)
    process.close()


def test_a_child_that_was_killed_between_looks_is_replaced() -> None:
    with OracleProcess(Fidelity("density", "density", 1.0)) as process:
        assert isinstance(process.look(REQUEST), Answer)
        os.kill(process._child.pid, signal.SIGKILL)
        wait_for(lambda: not process._child.is_alive())
        assert isinstance(process.look(REQUEST), Answer)


def test_no_file_descriptor_is_left_open() -> None:
    before = set(Path("/proc/self/fd").iterdir())
    assert refused("crash")
    assert refused("speak_garbage")
    assert set(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize(
    ("oracle", "settings", "words"),
    [
        ("nowhere", {}, "no oracle 'nowhere'"),
        ("density", {"colour": "red"}, "colour: unknown key"),
        ("laboratory", {"quantity": "band_gap"}, "does not compute"),
    ],
)
def test_an_oracle_that_cannot_be_built_is_a_refusal_and_an_error(
    oracle: str, settings: dict[str, str], words: str
) -> None:
    with OracleProcess(Fidelity("wrong", oracle, 1.0, settings)) as process:
        refusal = process.look(REQUEST)
        assert isinstance(refusal, Refusal)
        assert refusal.kind is FailureKind.PERMANENT
        assert words in refusal.reason
        with pytest.raises((OracleError, SpecError), match=words):
            process.as_oracle()


@pytest.mark.parametrize("behaviour", ["hang", "hang_with_the_interpreter_lock"])
def test_a_child_dies_with_its_parent(behaviour: str, plugin: Path) -> None:
    script = textwrap.dedent(
        f"""
        import threading, time
        from domain.fidelity import Fidelity
        from domain.look import LookRequest
        from oracles.running.process import OracleProcess
        from oracles.testing import rock_salt
        process = OracleProcess(Fidelity("fake", "misbehaving", 1.0, {{"behaviour": "{behaviour}"}}))
        threading.Thread(target=process.look, args=(LookRequest(rock_salt(), seed=1),), daemon=True).start()
        while process._child is None:
            time.sleep(0.01)
        time.sleep(1.0)
        print(process._child.pid, flush=True)
        time.sleep(1000)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(plugin)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as parent:
        child = int(parent.stdout.readline())
        assert not is_gone(child)
        parent.kill()
    wait_for(lambda: is_gone(child))


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition, *, at_most_s: float = 30.0):
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        if seen := condition():
            return seen
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def test_a_file_with_weights_that_nobody_trusts_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil, ran, trusted = tmp_path / "handed-in.model", tmp_path / "ran", tmp_path / "models"
    evil.write_bytes(b"PK\x05\x06" + bytes(18))
    trusted.mkdir(mode=0o755)
    monkeypatch.setenv("PETALITE_MODELS", str(trusted))
    # What unpickles stands in for mace: the child must refuse before it comes to it.
    package = tmp_path / "stand-in" / "mace"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(package.parent)
    settings = {"potential": "mace", "model": str(evil)}
    with OracleProcess(Fidelity("mace", "potential", 1.0, settings)) as process:
        refusal = process.look(LookRequest(BLUEPRINT, seed=1, references={"Li": 0.0, "Cl": 0.0}))
    assert isinstance(refusal, Refusal)
    assert refusal.kind is FailureKind.TRANSIENT
    assert f"The checkpoint {evil} is not loaded" in refusal.reason
    assert str(trusted) in refusal.reason
    assert "PETALITE_MODELS" in str(refusal.details["remedy"])
    assert not ran.exists()


def test_a_child_hears_which_calculators_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_CALCULATORS", "gpaw")
    request = LookRequest(BLUEPRINT, seed=1, references={"Li": 0.0, "Cl": 0.0})
    with OracleProcess(Fidelity("lj", "potential", 1.0, {"potential": "lj"})) as process:
        refusal = process.look(request)
    assert isinstance(refusal, Refusal)
    assert "not among those that may run on this machine (gpaw)" in refusal.reason
