"""The reply without what it quotes."""


def visible_text(text: str, *, signatures: bool = False) -> str:
    """The reply."""
    return text
