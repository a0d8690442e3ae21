"""Checks specs and counts spaces for a parent process, a line in, a line out.

The parent must not load what will have to work with them.
"""

import json
import resource
import sys
from typing import Final

from domain.campaign import CampaignSpec
from domain.errors import SpecError, UnknownOracleError
from domain.json_value import JsonObject
from domain.parsing import parse, to_json_object, to_json_value
from domain.search_space import SearchSpace

_MEMORY_BYTES: Final = 4 * 2**30
"""Address space; what is used is far less."""


def answer(question: JsonObject) -> JsonObject:
    """Answers what a parent asks of a `spec` or a `space`.

    Of a spec, what is wrong with it: `problem` and `remedy` in words, and `problems`, each with its place. Of a space
    the same, or how much it holds.
    """
    from flows.validation import count_crystals, places_of, require_runnable

    try:
        if "space" in question:
            return to_json_object(count_crystals(parse(SearchSpace, question["space"], what="The search space")))
        require_runnable(parse(CampaignSpec, question["spec"], what="The campaign spec"))
    except (SpecError, UnknownOracleError) as error:
        problems = [to_json_value(problem) for problem in places_of(error)]
        return {"problem": error.problem, "remedy": error.remedy, "problems": problems}
    return {}


def main() -> None:
    """Answers until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
