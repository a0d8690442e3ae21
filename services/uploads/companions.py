"""What a row is beside others: handed in before, said twice, or one of several answers to a question that takes one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.store.uploads import EnteredRow, RowState, UploadRow
from services.uploads.entries import Destination

_AS_REPLICATE = "If it is another measurement, say so in column 'replicate', or say when it was measured."


def beside_others(rows: Sequence[UploadRow], entered: Mapping[str, EnteredRow]) -> tuple[UploadRow, ...]:
    """Says of rows what the others make of them.

    Args:
        rows: All rows of an upload, each as it is by itself.
        entered: Rows that have entered with this upload or another, by content.
    """
    first: dict[str, int] = {}
    for row in rows:
        if row.content is not None:
            first.setdefault(row.content, row.number)
    rivals = _rivals(rows)
    return tuple(_beside(row, entered, first, rivals) for row in rows)


def entered_before(found: EnteredRow) -> str:
    """What to say of a row that says what another one said that has entered."""
    row = found.row
    if row.measurement_id is not None:
        named = f"measurement {row.measurement_id}"
    elif row.material_measurement_id is not None:
        named = f"measurement {row.material_measurement_id} of known material {row.material_id}"
    else:
        named = "a measurement"
    return f"It was handed in before as {named} by upload {found.upload_id}, row {row.number}, and enters nothing."


def target_of(row: UploadRow) -> tuple[str, int] | None:
    """What a row gives a value to that takes one value only: a query, or the measurement that it corrects."""
    match row.understood.get("destination"):
        case Destination.ANSWER:
            number = row.understood.get("query_id")
        case Destination.AMENDMENT:
            number = row.understood.get("measurement_id")
        case _:
            return None
    return (str(row.understood["destination"]), number) if isinstance(number, int) else None


def _rivals(rows: Sequence[UploadRow]) -> dict[tuple[str, int], list[UploadRow]]:
    """Rows with different contents for the same target."""
    found: dict[tuple[str, int], dict[str, UploadRow]] = {}
    for row in rows:
        target = target_of(row)
        if target is not None and row.content is not None:
            found.setdefault(target, {}).setdefault(row.content, row)
    return {target: list(named.values()) for target, named in found.items() if len(named) > 1}


def _beside(
    row: UploadRow,
    entered: Mapping[str, EnteredRow],
    first: Mapping[str, int],
    rivals: Mapping[tuple[str, int], Sequence[UploadRow]],
) -> UploadRow:
    if row.state is RowState.ENTERED or row.content is None:
        return row
    before = entered.get(row.content)
    if before is not None:
        return replace(row, state=RowState.CONVERTED, remarks=(entered_before(before), _AS_REPLICATE, *row.remarks))
    if first[row.content] != row.number:
        said = f"It says the same as row {first[row.content]} and enters nothing beside it."
        state = RowState.SUSPICIOUS if row.state is RowState.SUSPICIOUS else RowState.CONVERTED
        return replace(row, state=state, remarks=(said, _AS_REPLICATE, *row.remarks))
    target = target_of(row)
    others = [] if target is None else [str(r.number) for r in rivals.get(target, ()) if r.content != row.content]
    if target is None or not others:
        return row
    what = f"query {target[1]}" if target[0] == Destination.ANSWER else f"the correction of measurement {target[1]}"
    doubt = (
        f"Row {' and row '.join(others)} has another value for {what}, which takes one: confirm the row that counts, "
        "or write the mean into it."
    )
    return replace(row, state=RowState.SUSPICIOUS, remarks=(doubt, *row.remarks))
