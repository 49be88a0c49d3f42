"""``grantory identity-providers``: whose SAML assertions an organisation believes."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from grantory.cli.event_loop import run
from grantory.cli.options import AsJson, Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.organizations import find_organization
from grantory.crypto.certificates import MAX_TEXT
from grantory.domain.trust import IdentityProvider
from grantory.errors import ApiError, SetupError
from grantory.node import check_master_key, open_node
from grantory.registry.actor import Actor, system_actor
from grantory.registry.identity_providers import IdentityProviderRegistry
from grantory.registry.provider_draft import ProviderDraft
from grantory.settings import Settings

T = TypeVar("T")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Identity providers that issue SAML assertions.",
)
Organization = Annotated[
    str | None,
    typer.Option(
        "--organization", "--org", help="The organisation's id or name; by default the only one."
    ),
]


@app.command("list")
def list_providers(
    organization: Organization = None,
    as_json_: AsJson = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Lists the identity providers of an organisation.

    Example: grantory identity-providers list --json
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    found = _work(settings, organization, lambda registry, actor: registry.all(actor))
    if as_json_:
        typer.echo(json.dumps([_as_json(provider) for provider in found], indent=2))
        return
    if not found:
        typer.echo("The organisation trusts no identity provider.")
    for provider in found:
        disabled = "" if provider.enabled else "  (disabled)"
        typer.echo(f"{provider.id}  {provider.name}  {provider.issuer}{disabled}")


@app.command("add")
def add(  # noqa: PLR0913, PLR0917 - one for each option
    name: Annotated[str, typer.Argument(help="The provider's name here.")],
    issuer: Annotated[str, typer.Option("--issuer", help="What its assertions name as Issuer.")],
    certificates: Annotated[
        list[Path],
        typer.Option("--certificate", help="A file with a certificate in PEM; may be repeated."),
    ],
    audiences: Annotated[
        list[str] | None, typer.Option("--audience", help="A further audience; may be repeated.")
    ] = None,
    recipients: Annotated[
        list[str] | None, typer.Option("--recipient", help="A further recipient; may be repeated.")
    ] = None,
    email_attribute: Annotated[
        str, typer.Option("--email-attribute", help="Holds the e-mail address; not the NameID.")
    ] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Believe nothing yet.")] = False,
    organization: Organization = None,
    as_json_: AsJson = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Registers an identity provider, which may then say who anybody is.

    Example: grantory identity-providers add Okta --issuer http://www.okta.com/x --certificate o.pem
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    draft = ProviderDraft(
        name=name,
        issuer=issuer,
        certificates=tuple(_read(path) for path in certificates),
        audiences=tuple(audiences or ()),
        recipients=tuple(recipients or ()),
        email_attribute=email_attribute,
        enabled=not disabled,
    )
    made = _work(settings, organization, lambda registry, actor: registry.create(actor, draft))
    typer.echo(json.dumps(_as_json(made), indent=2) if as_json_ else f"{made.id}  {made.name}")


@app.command("remove")
def remove(
    wanted: Annotated[str, typer.Argument(metavar="PROVIDER", help="Its id or name.")],
    organization: Organization = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Deletes an identity provider: what it says counts no more.

    Example: grantory identity-providers remove Okta
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)

    async def work(registry: IdentityProviderRegistry, actor: Actor) -> IdentityProvider:
        for provider in await registry.all(actor):
            if wanted.casefold() in (provider.id, provider.name.casefold()):
                await registry.delete(actor, provider.id)
                return provider
        raise SetupError(f"the organisation has no identity provider {wanted!r}")

    gone = _work(settings, organization, work)
    typer.echo(f"{gone.name} is removed")


def _work(
    settings: Settings,
    organization: str | None,
    work: Callable[[IdentityProviderRegistry, Actor], Awaitable[T]],
) -> T:
    async def on_the_store() -> T:
        node = await open_node(settings, patient=True)
        try:
            if not await check_master_key(node):
                raise SetupError("the store is not set up: run grantory init, or grantory serve")
            found = await find_organization(node, organization)
            registry = IdentityProviderRegistry(node.store, node.clock, node.random)
            return await work(registry, system_actor(found.id))
        except ApiError as error:
            problems = "; ".join(f"{each.field} {each.message}" for each in error.problems)
            raise SetupError(problems or f"{error.message} {error.detail}".strip()) from None
        finally:
            await node.close()

    done: T = run(on_the_store())
    return done


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            return file.read(MAX_TEXT + 1)
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SetupError(f"{path} is no certificate in PEM") from None


def _as_json(provider: IdentityProvider) -> dict[str, Any]:
    return {
        "id": provider.id,
        "name": provider.name,
        "issuer": provider.issuer,
        "certificates": list(provider.certificates),
        "audiences": list(provider.audiences),
        "recipients": list(provider.recipients),
        "email_attribute": provider.email_attribute,
        "enabled": provider.enabled,
    }
