"""Templates made into pages."""

from collections.abc import Mapping
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.dashboard import words
from services.dashboard.assets import Assets

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
            amount=words.amount,
            share=words.share,
            duration=words.duration,
            plain=words.plain,
            unit=words.unit,
            when=when,
            space_group=words.space_group,
        )
        self._environment.globals["assets"] = assets

    def render(self, name: str, context: Rendered) -> str:
        """Fills a template."""
        return self._environment.get_template(name).render(context)


def when(instant: datetime | None) -> str:
    """A time, which the browser shows in its own zone; in UTC where no script runs."""
    if instant is None:
        return "–"
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time>').format(instant.isoformat(), instant)
