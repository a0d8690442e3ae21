"""Pictures of a campaign. matplotlib is loaded only when one is drawn."""

from pathlib import Path

from domain.quantity import Scale
from services.reports.spending import best_against_spent
from services.store import Store


def draw_best_against_spent(store: Store, campaign: str, path: Path) -> None:
    """Draws the best value so far against money spent, a line for each fidelity, as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    spec = store.campaigns.get(campaign).spec
    measured = spec.objective.measured
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for fidelity, points in best_against_spent(store, campaign).items():
        if points:
            is_target = fidelity == spec.fidelities.target.name
            axes.step(
                [point.spent for point in points],
                [point.best for point in points],
                where="post",
                marker="o",
                markersize=5 if is_target else 3,
                linewidth=2.5 if is_target else 1.2,
                label=f"{fidelity} (target)" if is_target else fidelity,
            )
    axes.set_xlim(left=0)
    if measured.scale is Scale.LOG10:
        axes.set_yscale("log")
    axes.set_xlabel(f"spent ({spec.budget.unit}, as declared)")
    axes.set_ylabel(f"best {measured.name.replace('_', ' ')} ({measured.unit})")
    axes.set_title(f"{campaign}: what the money bought")
    axes.grid(alpha=0.3)
    if axes.has_data():
        axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
