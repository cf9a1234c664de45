"""What wakes the sender of this process."""

from shared.wake import Wake

WAKE = Wake()
