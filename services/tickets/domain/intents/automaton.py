"""All phrases of all languages in one automaton (Aho and Corasick, 1975): reading a text is one walk over its letters.

However many phrases there are, no text makes it walk back more often than it walked on.
"""

from collections import deque
from collections.abc import Mapping


class Automaton:
    """Phrases, each with the bits it stands for."""

    def __init__(self, phrases: Mapping[str, int]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._found: list[int] = [0]
        for phrase, bits in phrases.items():
            self._found[self._leaf(phrase)] |= bits
        self._back = self._links()

    def _leaf(self, phrase: str) -> int:
        node = 0
        for letter in phrase:
            if letter not in self._next[node]:
                self._next[node][letter] = len(self._next)
                self._next.append({})
                self._found.append(0)
            node = self._next[node][letter]
        return node

    def _links(self) -> list[int]:
        back = [0] * len(self._next)
        waiting = deque(self._next[0].values())
        while waiting:
            node = waiting.popleft()
            for letter, child in self._next[node].items():
                link = back[node]
                while link and letter not in self._next[link]:
                    link = back[link]
                back[child] = self._next[link].get(letter, 0)
                self._found[child] |= self._found[back[child]]
                waiting.append(child)
        return back

    def read(self, text: str) -> int:
        """The bits of all phrases that stand in the text; time in proportion to its length."""
        nexts, back, founds = self._next, self._back, self._found
        node = found = 0
        for letter in text:
            following = nexts[node].get(letter)
            while following is None and node:
                node = back[node]
                following = nexts[node].get(letter)
            node = following or 0
            if founds[node]:
                found |= founds[node]
        return found
