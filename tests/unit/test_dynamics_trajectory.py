"""Trajectories come back as they were written, and damage is seen."""

import io

import numpy as np
import pytest
from ase.io import read
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UnreadableFileError
from oracles.dynamics.frames import Frames
from oracles.dynamics.trajectory import (
    Trajectory,
    TrajectoryHeader,
    append_frames,
    cut_trajectory,
    start_trajectory,
)

CELL = ((10.0, 0.0, 0.0), (1.0, 11.0, 0.0), (0.0, 2.0, 12.0))
HEADER = TrajectoryHeader("0" * 64, 3, 700.0, 0.05, 4, (3, 17, 3), CELL)


def _frames(first_step, n_frames, seed=0):
    random = np.random.default_rng([seed, first_step])
    return Frames(
        np.arange(first_step, first_step + n_frames),
        random.normal(size=n_frames),
        random.uniform(500, 900, n_frames),
        random.normal(0, 30, (n_frames, 3, 3)).astype(np.float32),
    )


def _same(one, other):
    pairs = ((getattr(one, name), getattr(other, name)) for name in Frames.__slots__)
    return all(np.array_equal(first, second) and first.dtype == second.dtype for first, second in pairs)


@pytest.fixture
def path(tmp_path):
    """Two blocks, of five frames and of one."""
    file = tmp_path / "replica.trajectory"
    start_trajectory(file, HEADER)
    append_frames(file, _frames(0, 5))
    append_frames(file, _frames(5, 1))
    return file


@given(blocks=st.lists(st.integers(0, 7), max_size=5))
@settings(max_examples=20)
def test_frames_come_back_as_they_were_written(blocks, tmp_path_factory):
    file = tmp_path_factory.mktemp("trajectory") / "replica.trajectory"
    lengths = [start_trajectory(file, HEADER)]
    written = []
    for n_frames in blocks:
        written.append(_frames(sum(len(part) for part in written), n_frames))
        lengths.append(append_frames(file, written[-1]))
    trajectory = Trajectory(file)
    assert trajectory.header == HEADER
    assert _same(trajectory.frames(), Frames.joined(written, 3))
    assert [len(frames) for frames in trajectory.blocks()] == [n for n in blocks if n]
    assert lengths[-1] == file.stat().st_size
    assert all(trajectory.is_sound_until(length) for length in lengths)


def test_production_comes_after_equilibration(path):
    assert Trajectory(path).production().steps.tolist() == [4, 5]
    assert Trajectory(path).frames(since_step=6).positions_A.shape == (0, 3, 3)


def test_single_precision_is_as_good_as_it_says(tmp_path):
    exact = np.random.default_rng(0).uniform(-128, 128, (4, 3, 3))
    start_trajectory(tmp_path / "t", HEADER)
    append_frames(tmp_path / "t", Frames(np.arange(4), np.zeros(4), np.zeros(4), exact.astype(np.float32)))
    assert np.abs(Trajectory(tmp_path / "t").frames().positions_A - exact).max() < 4e-6


def test_a_last_block_that_is_not_whole_is_not_there_yet(path):
    content = path.read_bytes()
    whole = len(content)
    after_five = whole - len(_last_block(path, content))
    for length in range(after_five, whole):
        path.write_bytes(content[:length])
        assert len(Trajectory(path).frames()) == 5
        assert not Trajectory(path).is_sound_until(whole)
        assert Trajectory(path).is_sound_until(after_five)


def _last_block(path, content):
    start_trajectory(path, HEADER)
    return content[append_frames(path, _frames(0, 5)) :]


def test_what_follows_a_checkpoint_is_cut_off(path):
    _frames_before = Trajectory(path).frames()
    length = path.stat().st_size
    append_frames(path, _frames(6, 9))
    cut_trajectory(path, length)
    assert _same(Trajectory(path).frames(), _frames_before)


def test_every_changed_byte_is_seen(path):
    content = bytearray(path.read_bytes())
    before = Trajectory(path).frames()
    for position in range(0, len(content), 7):
        content[position] ^= 0x10
        path.write_bytes(content)
        try:
            found = Trajectory(path).frames()
        except UnreadableFileError:
            continue
        finally:
            content[position] ^= 0x10
        # A larger length looks like a block that is being written.
        assert len(found) < len(before)
        assert not Trajectory(path).is_sound_until(len(content))


def test_what_is_no_trajectory_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match=r"missing\.trajectory cannot be read: No such file"):
        Trajectory(tmp_path / "missing.trajectory")
    (tmp_path / "other").write_bytes(b"")
    with pytest.raises(UnreadableFileError, match="is no trajectory"):
        Trajectory(tmp_path / "other")
    (tmp_path / "other").write_bytes(b"CIF" * 100)
    with pytest.raises(UnreadableFileError, match=r"is no trajectory|is damaged"):
        Trajectory(tmp_path / "other")


def test_people_read_it_as_extended_xyz(path):
    stream = io.StringIO()
    Trajectory(path).write_extxyz(stream)
    images = read(io.StringIO(stream.getvalue()), index=":", format="extxyz")
    frames = Trajectory(path).frames()
    assert len(images) == 6
    assert images[2].get_chemical_symbols() == ["Li", "Cl", "Li"]
    assert images[2].positions == pytest.approx(frames.positions_A[2], abs=1e-4)
    assert images[2].cell[:].tolist() == [list(row) for row in CELL]
    assert images[5].info["step"] == 5
    assert images[5].info["temperature_K"] == pytest.approx(frames.temperatures_K[5])
