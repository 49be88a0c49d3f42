"""Roles, divisions and who holds what in which."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from grantory_sdk.models.base import Model

SubjectType = Literal["PC_USER", "PC_OAUTH_CLIENT"]


class PermissionPolicy(Model):
    """A part of a role: actions on an entity of a domain; ``*`` is every one."""

    domain: str = ""
    entity_name: str = ""
    policy_name: str | None = None
    policy_description: str | None = None
    action_set: list[str] = msgspec.field(default_factory=list[str])
    named_resources: list[str] | None = None
    allow_conditions: bool | None = None
    resource_condition_node: dict[str, Any] | None = None


class Role(Model):
    """A role: permissions that are given together."""

    id: str = ""
    name: str = ""
    description: str | None = None
    default_role_id: str | None = None
    permissions: list[str] = msgspec.field(default_factory=list[str])
    permission_policies: list[PermissionPolicy] = msgspec.field(
        default_factory=list[PermissionPolicy]
    )
    user_count: int | None = None
    role_needs_update: bool | None = None
    default: bool | None = None
    base: bool | None = None
    self_uri: str | None = None


class Division(Model):
    """A division: a part of the organisation in which roles are held."""

    id: str = ""
    name: str = ""
    description: str | None = None
    home_division: bool | None = None
    object_counts: dict[str, int] | None = None
    self_uri: str | None = None


class GrantPolicy(Model):
    """What a role allows, as it is told with a grant."""

    domain: str = ""
    entity_name: str = ""
    actions: list[str] = msgspec.field(default_factory=list[str])
    condition: str | None = None


class GrantRole(Model):
    """The role of a grant."""

    id: str = ""
    name: str = ""
    description: str | None = None
    policies: list[GrantPolicy] | None = None
    default: bool | None = None
    self_uri: str | None = None


class Grant(Model):
    """A role that a subject holds in a division."""

    subject_id: str = ""
    division: Division = msgspec.field(default_factory=Division)
    role: GrantRole = msgspec.field(default_factory=GrantRole)
    grant_made_at: datetime | None = None


class Subject(Model):
    """A client or user with all that it holds."""

    id: str = ""
    name: str = ""
    grants: list[Grant] = msgspec.field(default_factory=list[Grant])
    version: int | None = None
    self_uri: str | None = None
