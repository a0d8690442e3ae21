"""Forms whose fields are not known beforehand."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

_MOST_FIELDS = 2000
_LARGEST_PART = 2**17


async def posted_fields(request: Request) -> Mapping[str, str]:
    """The fields that a form has sent, without its files; of several of one name, the last."""
    async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_PART) as form:
        return {name: value for name, value in form.multi_items() if isinstance(value, str)}


Posted = Annotated[Mapping[str, str], Depends(posted_fields)]
"""The dependency of whatever takes such a form."""
