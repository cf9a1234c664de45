"""`python -m services.routing [command]`."""

from services.routing.main import SERVICE
from shared.service import main

main(SERVICE)
