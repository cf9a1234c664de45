"""`python -m services.gateway`: serve, or one of the service's commands."""

from services.gateway.main import SERVICE
from shared.service import main

if __name__ == "__main__":
    main(SERVICE)
