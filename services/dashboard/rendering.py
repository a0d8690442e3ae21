"""Templates made into pages."""

import math
from collections.abc import Mapping
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from domain.rounds import round_number
from services.dashboard import formulas, words
from services.dashboard.assets import Assets
from services.reports.contributors import machine_of

Rendered = Mapping[str, object]
"""What a template is filled with, by name."""


class Templates:
    """The templates of this package, with the filters that they share."""

    def __init__(self, assets: Assets) -> None:
        self.assets = assets
        self._environment = Environment(
            loader=PackageLoader("services.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,  # a misspelt name must not become an empty page
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            number=words.number,
            quantity=words.quantity,
            measured=words.measured,
            believed=words.believed,
            amount=words.amount,
            bare_amount=words.bare_amount,
            temperature=words.temperature,
            share=words.share,
            change=words.change,
            size=words.size,
            duration=words.duration,
            plain=words.plain,
            unit=words.unit,
            exponential=math.exp,
            when=when,
            who=who,
            formula=formulas.formula,
            spoken=formulas.spoken,
            space_group=words.space_group,
            round_number=round_number,
        )
        self._environment.globals["assets"] = assets

    def render(self, name: str, context: Rendered) -> str:
        """Fills a template."""
        return self._environment.get_template(name).render(context)


def who(worker: str) -> str:
    """Who did it, in people's words: workers of the service are known by their machine, the rest is in the title."""
    name, is_service = machine_of(worker)
    return Markup('<span title="{}">the service, on {}</span>').format(worker, name) if is_service else worker


def when(instant: datetime | None) -> str:
    """A time, which the browser shows in its own zone; in UTC where no script runs."""
    if instant is None:
        return "–"
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time>').format(instant.isoformat(), instant)
