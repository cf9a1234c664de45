"""Which files of a mail are kept: no programs, nothing huge; what is left out is named in the message."""

from shared.channels.base import MIB, File

MAX_FILE_BYTES = 25 * MIB
MAX_FILES_BYTES = 40 * MIB
"""Of one mail together."""
PROGRAMS = frozenset(
    """
    apk app application appref-ms appx bat chm cmd com cpl dll dmg exe gadget hta inf ins iso jar js jse lnk mde msc
    msi msix msp mst pif ps1 psm1 reg scf scr sct sys vb vbe vbs vhd vhdx wsc wsf wsh xll
    """.split()  # noqa: SIM905 - words, as they are read
)
"""Endings of files that run when they are opened."""
PROGRAM_TYPES = frozenset(
    (
        "application/x-msdownload",
        "application/x-msdos-program",
        "application/x-dosexec",
        "application/x-executable",
        "application/x-sh",
        "application/hta",
        "application/x-ms-shortcut",
        "application/java-archive",
        "application/vnd.microsoft.portable-executable",
    )
)
_PROGRAM_BEGINS = (b"MZ", b"\x7fELF")


def kept(files: tuple[File, ...]) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """The files to keep, and a line for each one left out."""
    taken: list[File] = []
    lines: list[str] = []
    total = 0
    for file in files:
        why = _program(file) or ("too large" if len(file.content) > MAX_FILE_BYTES else None)
        if why is None and total + len(file.content) > MAX_FILES_BYTES:
            why = "the files are too large together"
        if why is None:
            taken.append(file)
            total += len(file.content)
        else:
            lines.append(f"[file left out: {file.name or file.media_type} ({_size(len(file.content))}), {why}]")
    return tuple(taken), tuple(lines)


def _program(file: File) -> str | None:
    ending = file.name.rstrip(" .").rpartition(".")[2].lower()
    runs = ending in PROGRAMS or file.media_type in PROGRAM_TYPES or file.content.startswith(_PROGRAM_BEGINS)
    return "a program" if runs else None


def _size(count: int) -> str:
    return f"{count / MIB:.1f} MiB" if count >= MIB else f"{(count + 1023) // 1024} KiB"
