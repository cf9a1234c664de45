"""The agents of a workspace as their settings say, as sets of bits: bit n is the n-th agent in order of id.

Who has a skill, serves a shop or speaks a language is one integer, so that a question about all agents is one `&`.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

Bits = int
"""A set of agents."""
SCORES_KEPT = 200


@dataclass(frozen=True, slots=True)
class Profile:
    """What settings say of one agent; no languages or shops listed means that he is not limited to any."""

    id: str
    capacity: int = 100
    skills: Mapping[str, int] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    shops: tuple[str, ...] = ()
    channel_caps: Mapping[str, int] = field(default_factory=dict)


class Crew:
    """All enabled agents; made anew when their settings change."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self.profiles: tuple[Profile, ...] = tuple(sorted(profiles, key=lambda profile: profile.id))
        self.ids: tuple[str, ...] = tuple(profile.id for profile in self.profiles)
        self.index: dict[str, int] = {id_: i for i, id_ in enumerate(self.ids)}
        self.everybody: Bits = (1 << len(self.ids)) - 1
        self._scores: dict[Hashable, dict[int, int]] = {}
        self._skilled: dict[tuple[str, int], Bits] = {}
        self._speaking: dict[str, Bits] = {}
        self._serving: dict[str, Bits] = {}

    def scores(self, asked: Hashable) -> dict[int, int]:
        """Where points by place are kept from match to match; `asked` is all they depend on beside the crew."""
        found = self._scores.get(asked)
        if found is None:
            if len(self._scores) >= SCORES_KEPT:
                self._scores.clear()
            found = self._scores[asked] = {}
        return found

    def skilled(self, skill: str, level: int) -> Bits:
        """Who has the skill at this level or above."""
        found = self._skilled.get((skill, level))
        if found is None:
            found = self._skilled[skill, level] = self._where(lambda p: p.skills.get(skill, 0) >= level)
        return found

    def speaking(self, language: str) -> Bits:
        """Who speaks the language: `pt` serves `pt-BR` and the other way round, `zh-Hans` does not serve `zh-Hant`."""
        found = self._speaking.get(language)
        if found is None:
            found = self._where(lambda p: not p.languages or any(_same_language(own, language) for own in p.languages))
            self._speaking[language] = found
        return found

    def serving(self, shop: str) -> Bits:
        """Who may serve the shop."""
        found = self._serving.get(shop)
        if found is None:
            found = self._serving[shop] = self._where(lambda p: not p.shops or shop in p.shops)
        return found

    def bits(self, ids: Iterable[str]) -> Bits:
        """These agents as a set; unknown ones are left out."""
        found = 0
        for id_ in ids:
            place = self.index.get(id_)
            if place is not None:
                found |= 1 << place
        return found

    def _where(self, fits: Callable[[Profile], bool]) -> Bits:
        return sum(1 << i for i, profile in enumerate(self.profiles) if fits(profile))


def members(bits: Bits) -> list[int]:
    """The places of the agents in a set, ascending."""
    digits = bin(bits)[:1:-1]
    found = []
    place = digits.find("1")
    while place >= 0:
        found.append(place)
        place = digits.find("1", place + 1)
    return found


def _same_language(own: str, asked: str) -> bool:
    """Basic filtering of RFC 4647 §3.3.1, in both directions."""
    own, asked = own.lower(), asked.lower()
    return own == asked or asked.startswith(f"{own}-") or own.startswith(f"{asked}-")
