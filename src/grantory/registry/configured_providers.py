"""Identity providers as the settings file names them: ``[[identity_providers]]``."""

from pathlib import Path
from typing import Any, Final, cast

import msgspec

from grantory.domain.organization import Organization
from grantory.errors import ApiError, FieldProblem, SetupError
from grantory.ports.storage import Store
from grantory.registry.actor import system_actor
from grantory.registry.identity_providers import IdentityProviderRegistry
from grantory.registry.provider_draft import ProviderDraft

TABLES: Final = "identity_providers"
_TEXTS: Final = ("name", "issuer", "organization", "email_attribute")
_LISTS: Final = ("certificates", "certificate_files", "audiences", "recipients")
_KNOWN: Final = (*_TEXTS, *_LISTS, "enabled")


class ConfiguredProvider(msgspec.Struct, frozen=True, kw_only=True):
    """An identity provider that is to be there when the server starts."""

    draft: ProviderDraft
    organization: str = ""
    """Its id or name; empty for the only one that there is."""


def read_tables(tables: Any, file: Path) -> tuple[ConfiguredProvider, ...]:
    """Reads the tables of a settings file, and the certificates that they name.

    Args:
        tables: what the file holds under ``identity_providers``.
        file: the file; the paths of certificates are relative to its folder.

    Raises:
        SetupError: naming the table and the key that is wrong.
    """
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SetupError(f"{file}: {TABLES} must be tables: [[{TABLES}]]")
    return tuple(
        _read(table, file, f"{file}: {TABLES}[{number}]") for number, table in enumerate(tables, 1)
    )


def _read(table: dict[str, Any], file: Path, where: str) -> ConfiguredProvider:
    unknown = sorted(set(table) - set(_KNOWN))
    if unknown:
        raise SetupError(f"{where}: unknown key {unknown[0]}; there are {', '.join(_KNOWN)}")
    for key in ("name", "issuer"):
        if key not in table:
            raise SetupError(f"{where}: {key} is missing")
    texts = {key: _text(table.get(key, ""), f"{where}: {key}") for key in _TEXTS}
    lists = {key: _texts(table.get(key, []), f"{where}: {key}") for key in _LISTS}
    enabled = table.get("enabled", True)
    if not isinstance(enabled, bool):
        raise SetupError(f"{where}: enabled must be true or false")
    found = (_certificate(file.parent / name) for name in lists["certificate_files"])
    draft = ProviderDraft(
        name=texts["name"],
        issuer=texts["issuer"],
        certificates=(*lists["certificates"], *found),
        audiences=lists["audiences"],
        recipients=lists["recipients"],
        email_attribute=texts["email_attribute"],
        enabled=enabled,
    )
    return ConfiguredProvider(draft=draft, organization=texts["organization"])


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SetupError(f"{where} must be a text")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SetupError(f"{where} must be a list of texts")
    return tuple(cast(list[str], value))


def _certificate(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SetupError(f"{path} is no certificate in PEM") from None


async def keep_configured(
    store: Store, registry: IdentityProviderRegistry, wanted: tuple[ConfiguredProvider, ...]
) -> None:
    """Registers what is missing and changes what differs; others are left alone.

    Args:
        store: holds the organisations.
        registry: does it.
        wanted: what is to be there.

    Raises:
        SetupError: naming the provider, and what is wrong with it.
    """
    if not wanted:
        return
    organizations = await store.read(lambda snapshot: snapshot.organizations.all())
    for provider in wanted:
        name = provider.draft.name
        organization = _organization(organizations, provider.organization, name)
        try:
            await registry.keep(system_actor(organization.id), provider.draft)
        except ApiError as error:
            problems = "; ".join(_sentence(problem) for problem in error.problems)
            raise SetupError(f"identity provider {name!r}: {problems or error.message}") from None


def _organization(there: list[Organization], wanted: str, name: str) -> Organization:
    if not wanted and len(there) == 1:
        return there[0]
    for organization in there:
        if wanted in (organization.id, organization.name):
            return organization
    what = f"there is no organisation {wanted!r}" if wanted else "name its organization"
    raise SetupError(f"identity provider {name!r}: {what}")


def _sentence(problem: FieldProblem) -> str:
    return f"{problem.field} {problem.message}"
