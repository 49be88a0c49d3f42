"""What every store promises about changing organisations and ending a user's tokens."""

import msgspec
import pytest

from grantory.errors import Conflict
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, a_user, an_id, an_organization, put


async def test_replacing_writes_every_field_of_one_organisation(store: OpenStore) -> None:
    before, other = an_organization(1), an_organization(2)
    await store.write(put(before, other))
    after = msgspec.structs.replace(
        before,
        name="Näme",
        default_language="de",
        default_country_code="DE",
        domain="example.de",
        token_epoch=5,
        version=6,
    )
    await store.write(lambda t: t.organizations.replace(after))
    assert await store.read(lambda s: s.organizations.get(ORG)) == after
    assert await store.read(lambda s: s.organizations.get(other.id)) == other
    assert await store.write(lambda t: t.organizations.get_for_change(ORG)) == after
    assert await store.write(lambda t: t.organizations.get_for_change(an_id(5))) is None


async def test_a_new_name_must_be_free_whatever_its_case(store: OpenStore) -> None:
    await store.write(put(an_organization(1, name="a"), an_organization(2, name="Straße")))
    taken = an_organization(1, name="STRASSE")
    with pytest.raises(Conflict):
        await store.write(lambda t: t.organizations.replace(taken))
    assert await store.read(lambda s: s.organizations.get(ORG)) == an_organization(1, name="a")
    await store.write(lambda t: t.organizations.replace(an_organization(1, name="A")))
    with pytest.raises(Conflict):
        await store.write(put(an_organization(3, name="a")))
    await store.write(lambda t: t.organizations.replace(an_organization(1, name="b")))
    await store.write(put(an_organization(3, name="a")))


async def test_ending_a_users_tokens_raises_the_epoch_and_no_others(store: OpenStore) -> None:
    await store.write(put(a_user(1), a_user(2)))
    await store.write(lambda t: t.users.end_tokens(a_user(1).id))
    assert await store.read(lambda s: s.users.get(a_user(1).id)) == a_user(
        1, token_epoch=2, version=2
    )
    assert await store.read(lambda s: s.users.get(a_user(2).id)) == a_user(2)
    await store.write(lambda t: t.users.end_tokens(an_id(5)))


async def test_another_process_hears_of_both(store: OpenStore, second_store: OpenStore) -> None:
    await store.write(put(an_organization(1), a_user(1)))
    heard: list[object] = []

    def hear(entities: list[tuple[str, str]] | None) -> None:
        heard.extend(entities or ["everything"])

    await second_store.feed.catch_up()
    second_store.feed.listen(hear)
    await store.write(lambda t: t.organizations.replace(an_organization(1, name="x")))
    await store.write(lambda t: t.users.end_tokens(a_user(1).id))
    await second_store.feed.catch_up()
    assert heard == [("organization", ORG), ("user", a_user(1).id)]
