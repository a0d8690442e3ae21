"""A spec that somebody is writing, in a form and as YAML beside it: whichever was changed last, the other follows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from domain.campaign import CampaignSpec
from domain.errors import SpecError
from domain.parsing import LocatedError
from services.api.spec_summary import LARGEST_SPEC
from services.dashboard.spec_form import Fields, document_of, fields_of, rungs_of
from services.dashboard.spec_words import NEEDED_AT_FIRST, mistakes, still_needed
from services.specs import SpecProblem, problems_of, read_document, read_spec, write_document

_NAME: Final = Path("spec")
_LOOKS: Final = "initial_looks"
_FIELD_OF_PART: Final[Mapping[str, str]] = MappingProxyType(
    {"objective": "objective.quantity", "budget": "budget.per_round"}
)
"""Where something is wrong with a part as a whole: the field that is corrected first."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A spec as far as it is written."""

    fields: Fields
    """What stands in the form."""
    text: str
    """The YAML beside it."""
    before: str
    """The YAML that says what the form says: where `text` is another one, it is newer than the form."""
    problems: tuple[SpecProblem, ...] = ()
    """What is wrong."""
    needed: tuple[str, ...] = ()
    """What is not there yet, in words."""
    spec: CampaignSpec | None = None
    """None where something is wrong, or not there yet."""
    is_form_stale: bool = False
    """Whether the form was brought into step with the YAML, and must be shown anew."""
    is_text_stale: bool = False
    """Whether the YAML was brought into step with the form, and must be shown anew."""

    def target_of(self, problem: SpecProblem) -> str:
        """The field of the form beside which a problem is told."""
        names = [rung.get("name", "").strip() for rung in rungs_of(self.fields)]
        if problem.field == _LOOKS and names:
            return f"ladder[0].{_LOOKS}"
        name = problem.field.removeprefix(f"{_LOOKS}.")
        if name == problem.field:
            return _FIELD_OF_PART.get(problem.field, problem.field)
        return f"ladder[{names.index(name)}].{_LOOKS}" if name in names else "ladder"


def draft_of(posted: Fields, *, prefer: str = "") -> Draft:
    """Brings a form and the YAML beside it into step, and says what is wrong with them.

    Args:
        posted: The form, with its `yaml` and `yaml_before`.
        prefer: `form` or `yaml` where it is known which one was changed last; `form-surely` where what is written in
            YAML may be lost.
    """
    text, before = _plain(posted.get("yaml", "")), _plain(posted.get("yaml_before", ""))
    fields = {name: value for name, value in posted.items() if name not in {"yaml", "yaml_before"}}
    is_readable = _is_readable(text)
    if text == before or prefer == "form-surely" or (prefer == "form" and is_readable):
        return _from_form(fields, text, before)
    draft = draft_from_text(text, fields=fields, before=before)
    if (prefer == "yaml" and is_readable) or _says_the_same(fields, before):
        return draft
    if is_readable:
        told = "Both the form and the YAML were changed, and they disagree. Say which of them is meant."
        return Draft(fields, text, before, (SpecProblem("", None, told),))
    told = "The form was changed too. Correct the YAML first, or say that the form is meant."
    return replace(draft, problems=(*draft.problems, SpecProblem("", None, told)))


def draft_from_text(text: str, *, fields: Fields | None = None, before: str = "") -> Draft:
    """A draft whose YAML is given; the form follows where the YAML can be read.

    Args:
        text: The YAML.
        fields: What stood in the form, which stays where the YAML cannot be read.
        before: The YAML that said the same.
    """
    text = _plain(text)
    try:
        _require_small(text)
        shown = fields_of(read_document(text))
    except SpecError as error:
        return Draft(fields or {}, text, before, problems_of(error, text.encode()))
    return _checked(Draft(shown, text, text, is_form_stale=True))


def _from_form(fields: Fields, text: str, before: str) -> Draft:
    if _says_the_same(fields, before) and text == before:
        return _checked(Draft(fields, text, before))  # as it was written, with its comments
    try:
        written = write_document(document_of(fields))
    except LocatedError as error:
        problems = tuple(SpecProblem(problem.field, None, problem.message) for problem in error.problems)
        return Draft(fields, text, before, problems)
    return _checked(Draft(fields, written, written, is_text_stale=written != text))


def _checked(draft: Draft) -> Draft:
    if not draft.text:
        return replace(draft, needed=NEEDED_AT_FIRST)
    content = draft.text.encode()
    try:
        return replace(draft, spec=read_spec(content, _NAME))
    except SpecError as error:
        found = problems_of(error, content)
        wrong = mistakes(found, read_document(draft.text), content) if _is_readable(draft.text) else found
        return replace(draft, problems=wrong, needed=still_needed(found))


def _is_readable(text: str) -> bool:
    try:
        read_document(text)
    except SpecError:
        return False
    return True


def _says_the_same(fields: Fields, text: str) -> bool:
    try:
        return document_of(fields) == (document_of(fields_of(read_document(text))) if text else {})
    except SpecError:
        return False


def _require_small(text: str) -> None:
    if len(text.encode()) > LARGEST_SPEC:
        raise SpecError(f"The spec is larger than {LARGEST_SPEC // 2**10} KiB.", remedy="Leave out what is no spec.")


def _plain(text: str) -> str:
    """Lines end as in files; browsers send them otherwise."""
    return text.replace("\r\n", "\n").strip("\n") + "\n" if text.strip() else ""
