"""Lines that the agent types, or that a script gives: one way to read them, three kinds of standard input."""

import asyncio
import codecs
import os
import stat
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

_BACKSPACE, _ERASE_LINE, _END = ("\x7f", "\b"), "\x15", "\x04"


class Typing:
    """A line that is being typed on a terminal; it is ours to show, so that what comes in does not tear it."""

    def __init__(self) -> None:
        self.text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._escape = False

    def feed(self, data: bytes) -> None:
        """Keys that were pressed."""
        if not data:
            self._lines.put_nowait(None)
        for key in self._decoder.decode(data):
            self._press(key)

    def _press(self, key: str) -> None:
        if self._escape:  # an arrow or a function key: it ends with a letter or ~
            self._escape = not (key.isalpha() or key == "~")
        elif key == "\x1b":
            self._escape = True
        elif key in "\r\n":
            self._lines.put_nowait(self.text)
            self.text = ""
        elif key in _BACKSPACE:
            self.text = self.text[:-1]
        elif key == _ERASE_LINE:
            self.text = ""
        elif key == _END and not self.text:
            self._lines.put_nowait(None)
        elif key.isprintable():
            self.text += key

    async def lines(self) -> AsyncIterator[str]:
        """Whole lines, until the end of input."""
        while (line := await self._lines.get()) is not None:
            yield line


@contextmanager
def typed() -> Iterator[Typing]:
    """Keys of the terminal as they are pressed; it is as before afterwards."""
    typing, file = Typing(), sys.stdin.fileno()
    loop, before = asyncio.get_running_loop(), termios.tcgetattr(file)
    tty.setcbreak(file)
    loop.add_reader(file, lambda: typing.feed(os.read(file, 4096)))
    try:
        yield typing
    finally:
        loop.remove_reader(file)
        termios.tcsetattr(file, termios.TCSADRAIN, before)


async def scripted() -> AsyncIterator[str]:
    """Lines of a pipe or a file, until its end."""
    if stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):
        for line in sys.stdin.read().splitlines():
            yield line
        return
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode("utf-8", "replace").rstrip("\r\n")
