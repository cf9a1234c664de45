"""`python -m services.metrics`: serve, or one of the service's commands."""

from services.metrics.main import SERVICE
from shared.service import main

if __name__ == "__main__":
    main(SERVICE)
