"""What a crystal's page shows of how ions move in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import SpecError
from domain.measurement import Censoring, SeriesPoint
from services.reports.arrhenius import ArrheniusLine, line_of
from services.reports.densities import density_file
from services.reports.ion_runs import IonRun, ion_runs, with_curves
from services.store.artifacts import ArtifactRecord
from services.store.records import MeasurementRecord
from services.store.series import Series


@dataclass(frozen=True, slots=True)
class TransportShown:
    """A value with the series, or the runs of molecular dynamics, behind it."""

    record: MeasurementRecord
    runs: tuple[IonRun, ...]
    line: ArrheniusLine | None
    series: tuple[SeriesPoint, ...] = ()
    """In the unit of the value."""
    has_density: bool = False
    """Whether it is kept where the ions were."""

    @property
    def densities_K(self) -> tuple[float, ...]:
        """Temperatures of which it can be drawn where the ions were; none too where no run is told of beside it."""
        return tuple(run.temperature_K for run, _ in with_curves(self.runs)) if self.has_density else ()

    @property
    def has_curves(self) -> bool:
        """Whether mean squared displacements can be drawn."""
        return bool(with_curves(self.runs))

    @property
    def has_temperatures(self) -> bool:
        """Whether conductivities at several temperatures, or at one, can be drawn."""
        return self.line is not None or any(run.conductivity is not None for run in self.runs)

    @property
    def is_extrapolated(self) -> bool:
        """Whether the value was read off the line, outside of what was run."""
        if self.line is None or not self.runs or not self.line.is_extrapolated:
            return False
        return not any(run.is_used and run.temperature_K == self.line.value_at_K for run in self.runs)

    @property
    def why_a_bound(self) -> str:
        """What a line would have needed; empty where there is one."""
        found = self.record.measurement.details.get("why_a_bound")
        return found if isinstance(found, str) and self.record.measurement.censoring is not Censoring.NONE else ""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """On which the conductivities of the runs rest, as the runs say it."""
        said = [run.conductivity.assumptions for run in self.runs if run.conductivity is not None]
        return tuple(dict.fromkeys(text for text in said if text))


def transport_shown(
    measurements: Sequence[MeasurementRecord], series: Series, files: Mapping[int, Sequence[ArtifactRecord]]
) -> list[TransportShown]:
    """Those values that keep how ions move; the others are left out.

    Args:
        measurements: The values.
        series: Beside them, by number of the measurement.
        files: Beside them, by number of the measurement.
    """
    found = [
        TransportShown(
            record,
            ion_runs(record.measurement.details),
            _line(record),
            series.get(record.id, ()),
            density_file(files.get(record.id, ())) is not None,
        )
        for record in measurements
    ]
    return [one for one in found if one.runs or one.line is not None or one.series or one.has_density]


def _line(record: MeasurementRecord) -> ArrheniusLine | None:
    """None too where something else is kept by that name: the page is shown all the same."""
    try:
        return line_of(record)
    except SpecError:
        return None
