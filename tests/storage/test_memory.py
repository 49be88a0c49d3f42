"""The bounds of what is remembered, against a plain model."""

from hypothesis import given
from hypothesis import strategies as st

from grantory.storage.memory import PARTS_OF_ONE, Memory

MOST = 6


def remembering() -> Memory[str, tuple[int, ...]]:
    """A memory of six, whose entries count by their length."""
    return Memory("tuple", lambda: MOST, len)


def test_the_oldest_makes_room() -> None:
    memory = remembering()
    for number in range(MOST + 2):
        memory.remember(str(number), (number,))
    assert list(memory) == [str(number) for number in range(2, MOST + 2)]

    memory.remember("3", (33,))  # is the newest now
    memory.remember("new", ())
    assert list(memory) == ["4", "5", "6", "7", "3", "new"]
    assert memory["3"] == (33,)


def test_a_large_one_takes_the_room_of_several() -> None:
    memory = remembering()
    for number in range(MOST):
        memory.remember(str(number), ())
    memory.remember("large", (0,) * 3 * PARTS_OF_ONE)
    assert list(memory) == ["4", "5", "large"]

    memory.forget("large")
    for number in range(10, 14):
        memory.remember(str(number), ())
    assert len(memory) == MOST


def test_one_that_is_larger_than_all_room_is_not_kept() -> None:
    memory = remembering()
    memory.remember("a", ())
    memory.remember("b", (0,) * MOST * PARTS_OF_ONE)
    assert list(memory) == ["a"]
    memory.remember("a", (0,) * MOST * PARTS_OF_ONE)
    assert not memory


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["remember", "forget", "clear"]),
            st.sampled_from("abcdefgh"),
            st.integers(0, 8 * PARTS_OF_ONE),
        )
    )
)
def test_whatever_comes_there_is_never_more_than_the_bound(
    steps: list[tuple[str, str, int]],
) -> None:
    memory = remembering()
    model: dict[str, int] = {}
    for step, key, size in steps:
        if step == "remember":
            memory.remember(key, (0,) * size)
            model.pop(key, None)
            if 1 + size // PARTS_OF_ONE <= MOST:
                model[key] = size
            while sum(1 + each // PARTS_OF_ONE for each in model.values()) > MOST:
                del model[next(iter(model))]
        elif step == "forget":
            memory.forget(key)
            model.pop(key, None)
        else:
            memory.clear()
            model.clear()
        assert {key: len(value) for key, value in memory.items()} == model
