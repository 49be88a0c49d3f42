"""Between the platform's DomainOrganizationRole and ours."""

from typing import Any

import msgspec

from grantory.domain.access import Policy
from grantory.errors import FieldProblem, invalid
from grantory.http.api_v2 import schemas
from grantory.registry.roles import ListedRole, RoleDraft

ROLES = "/api/v2/authorization/roles"
MAX_CONDITION_DEPTH = 20
MAX_CONDITION_BYTES = 16_384


def draft_of(request: schemas.RoleRequest | schemas.RolePatch) -> RoleDraft:
    """Reads what a request asks a role to be."""
    policies, permissions = request.permission_policies, request.permissions
    return RoleDraft(
        name=request.name,
        description=request.description,
        policies=None if policies is None else tuple(policy_from(p) for p in policies),
        permissions=None if permissions is None else tuple(dict.fromkeys(permissions)),
        default_role_id=getattr(request, "default_role_id", None),
    )


def role_of(listed: ListedRole) -> schemas.Role:
    """Writes a role as it is answered."""
    role = listed.role
    return schemas.Role(
        id=role.id,
        name=role.name,
        description=role.description,
        default_role_id=role.default_role_id,
        permissions=list(role.permissions),
        permission_policies=[policy_of(policy) for policy in role.policies],
        user_count=listed.user_count,
        role_needs_update=False,
        default=role.built_in,
        base=False,
        self_uri=f"{ROLES}/{role.id}",
    )


def policy_from(policy: schemas.PermissionPolicy) -> Policy:
    """Reads a policy; its condition fields are kept as canonical JSON text."""
    condition: dict[str, Any] = {}
    if policy.allow_conditions:
        condition["allowConditions"] = True
    if policy.named_resources:
        condition["namedResources"] = sorted(policy.named_resources)
    if policy.resource_condition_node:
        condition["resourceConditionNode"] = policy.resource_condition_node
    _check_size(condition)
    return Policy(
        domain=policy.domain,
        entity=policy.entity_name,
        actions=tuple(dict.fromkeys(policy.action_set)),
        name=policy.policy_name,
        description=policy.policy_description,
        condition=msgspec.json.encode(condition, order="deterministic").decode()
        if condition
        else "",
    )


def _check_size(condition: dict[str, Any]) -> None:
    level: list[Any] = [condition]
    for _ in range(MAX_CONDITION_DEPTH):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
        if not level:
            break
    if level or len(msgspec.json.encode(condition)) > MAX_CONDITION_BYTES:
        text = (
            f"has a condition of more than {MAX_CONDITION_DEPTH} levels "
            f"or {MAX_CONDITION_BYTES} bytes"
        )
        raise invalid(FieldProblem("policies", "invalid.value", text))


def policy_of(policy: Policy) -> schemas.PermissionPolicy:
    """Writes a policy as it is answered."""
    condition = msgspec.json.decode(policy.condition) if policy.condition else {}
    return schemas.PermissionPolicy(
        domain=policy.domain,
        entity_name=policy.entity,
        policy_name=policy.name,
        policy_description=policy.description,
        action_set=list(policy.actions),
        named_resources=condition.get("namedResources"),
        allow_conditions=condition.get("allowConditions", False),
        resource_condition_node=condition.get("resourceConditionNode"),
    )
