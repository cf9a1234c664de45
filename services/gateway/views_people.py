"""The bodies of users and sessions."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from services.gateway.caller import SignedIn
from services.gateway.passwords import LENGTH_MAX, LENGTH_MIN
from services.gateway.repo.users import User
from services.gateway.views import Whoami
from shared.contracts.fields import Slug

Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^\s@]+@[^\s@]+$")
]
"""Compared without regard to case, as all providers in use do."""
Password = Annotated[SecretStr, Field(min_length=LENGTH_MIN, max_length=LENGTH_MAX)]
UserRole = Literal["admin", "lead", "agent"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Shops = Annotated[tuple[Slug, ...], Field(max_length=200)]


class Body(BaseModel):
    """What people send: unknown fields are refused, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid")


class NewUser(Body):
    """A person who shall sign in."""

    email: Email
    name: Name = ""
    role: UserRole
    agent: Slug | None = None
    """Whose work he does: needed by the role agent, possible for lead and admin."""
    shops: Shops = ()
    """The only shops he may see; empty: all."""
    password: Password | None = None
    """Without one he cannot sign in until an admin sets it."""


class UserChange(Body):
    """What shall be otherwise; what is left out stays."""

    name: Name | None = None
    role: UserRole | None = None
    agent: Slug | None = None
    """Null: nobody's work any more."""
    shops: Shops | None = None
    disabled: bool | None = None
    """True refuses him from now on, within two seconds everywhere; false lets him in again."""


class NewPassword(Body):
    """A password to set; every session of the user ends."""

    password: Password


class UserView(BaseModel):
    """A user; his password is never shown."""

    id: str
    workspace: str
    email: str
    name: str
    role: UserRole
    agent: str | None
    shops: list[str]
    disabled: bool
    created_at: datetime
    last_signed_in: datetime | None

    @staticmethod
    def of(user: User) -> "UserView":
        """As he may be shown."""
        return UserView.model_validate(
            {
                "id": user.id,
                "workspace": user.workspace,
                "email": user.email,
                "name": user.name,
                "role": user.role,
                "agent": user.agent,
                "shops": list(user.shops),
                "disabled": user.disabled_at is not None,
                "created_at": user.created_at,
                "last_signed_in": user.last_signed_in,
            }
        )


class UserPage(BaseModel):
    """Users in the order of their ids; `next` is the cursor of the next page, null at the end."""

    items: list[UserView]
    next: str | None


class ByPassword(Body):
    """Sign in as a person."""

    workspace: Slug
    email: Email
    password: Annotated[SecretStr, Field(max_length=LENGTH_MAX)]


class ByKey(Body):
    """Sign in with an API key, so that only tokens are kept where one works."""

    api_key: Annotated[SecretStr, Field(max_length=200)]


class Refresh(Body):
    """The refresh token of the last answer; it works once."""

    refresh_token: Annotated[SecretStr, Field(max_length=200)]


class SessionView(BaseModel):
    """What to work with: send the access token as `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name (RFC 6750)
    expires_in: int
    """Seconds that the access token lasts."""
    refresh_token: str
    refresh_expires_in: int
    """Seconds until the password is asked for again."""


class SignedInView(BaseModel):
    """The person who signed in."""

    id: str
    email: str
    name: str


class WhoamiView(Whoami):
    """Who one is, and for a session of a person, which."""

    user: SignedInView | None

    @staticmethod
    def of_person(whoami: Whoami, user: SignedIn | None) -> "WhoamiView":
        """With the person, where there is one."""
        shown = None if user is None else SignedInView(id=user.id, email=user.email, name=user.name)
        return WhoamiView(**whoami.model_dump(), user=shown)
