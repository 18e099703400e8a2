"""One alarm: something that an operator has to act on."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong. `what` and `todo` are keys of the desk's words, with `values`.

    `colour` is `bad` if clients notice it, else `open`. `link` leads to a page that helps.
    """

    colour: str
    what: str
    todo: str
    values: Mapping[str, object] = field(default_factory=dict)
    link: str = ""
