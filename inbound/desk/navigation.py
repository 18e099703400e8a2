"""The entries of the menu, and who sees them. Pure."""

from dataclasses import dataclass
from typing import Final

from inbound.desk.roles import Right
from inbound.desk.visitors import Visitor


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry of the menu. `title` is a key of the desk's words, `icon` a macro's name."""

    path: str
    title: str
    icon: str
    right: Right

    def holds(self, path: str) -> bool:
        """Whether a page is this one or below it."""
        return f"{path}/".startswith(f"{self.path}/")


ACCOUNT: Final = MenuEntry("/account", "Your account", "person", Right.ACCOUNT)


@dataclass(frozen=True, slots=True)
class Menu:
    """The menu of one desk, without pages that it doesn't have. The first page is home."""

    places: tuple[MenuEntry, ...]

    def of(self, visitor: Visitor | None) -> list[MenuEntry]:
        """Return what this visitor may open."""
        return [place for place in self.places if visitor and visitor.may(place.right)]

    def home(self, visitor: Visitor) -> str:
        """Return the path of the page that follows signing in."""
        return next((place.path for place in self.of(visitor)), ACCOUNT.path)
