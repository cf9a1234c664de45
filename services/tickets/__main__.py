"""`python -m services.tickets [command]`."""

from services.tickets.main import SERVICE
from shared.service import main

main(SERVICE)
