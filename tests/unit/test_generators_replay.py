import torch

from generators.replay import Replay
from generators.states import States


def states(*cells: tuple[int, float]) -> States:
    """One state for each pair of a group and a first coordinate."""
    cube = torch.full((len(cells), 6), -1.0, dtype=torch.float64)
    cube[:, 3] = torch.tensor([position for _, position in cells], dtype=torch.float64)
    return States(torch.tensor([group for group, _ in cells]), torch.ones(len(cells), 2, dtype=torch.int64), cube)


def test_the_best_are_kept_and_near_duplicates_only_once():
    replay = Replay(3, 2)
    replay.add(states((0, 0.51), (0, 0.52), (0, 0.9), (1, 0.51)), torch.tensor([1.0, 2.0, -1.0, 0.5]).double())
    replay.add(states((2, 0.1), (0, 0.53)), torch.tensor([3.0, 1.5]).double())

    assert replay.log_reward.tolist() == [3.0, 2.0, 0.5]
    assert replay.states.group.tolist() == [2, 0, 1]
    assert replay.states.cube[:, 3].tolist() == [0.1, 0.52, 0.51]


def test_new_rewards_reorder_the_memory():
    replay = Replay(10, 2)
    replay.add(states((0, 0.1), (1, 0.1)), torch.tensor([1.0, 0.0]).double())
    replay.replace(replay.states, torch.tensor([0.0, 5.0]).double())

    assert replay.states.group.tolist() == [1, 0]
    assert replay.log_reward.tolist() == [5.0, 0.0]


def test_better_crystals_are_drawn_more_often():
    replay = Replay(10, 2)
    replay.add(states(*((group, 0.5) for group in range(10))), -torch.arange(10).double())
    drawn, log_reward = replay.draw(1000, rng=torch.Generator().manual_seed(0))
    often = torch.bincount(drawn.group, minlength=10)

    assert often[0] > often[1] > often[9]
    assert torch.equal(log_reward, -drawn.group.double())
