"""What a campaign has spent and learned, to compare it with another one."""

Document = dict[str, list[dict[str, object]]]


def charges(document: Document) -> list[tuple[object, ...]]:
    """Every movement of money, named by what it was for and not by row numbers."""
    looks = {pick["query"]: (pick["blueprint_digest"], pick["fidelity"]) for pick in document["picks"]}
    return sorted((*looks[row["query_id"]], row["kind"], row["amount"]) for row in document["ledger"])


def answers(document: Document) -> list[tuple[object, ...]]:
    return sorted(
        (pick["blueprint_digest"], pick["fidelity"], measured["measurement"]["value"])
        for pick in document["picks"]
        for measured in pick["measurements"]
    )
