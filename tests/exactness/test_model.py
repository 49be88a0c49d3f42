"""Any sequence of changes and attempts over two processes, compared with a plain model."""

import time
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.exactness.subjects import (
    CLIENTS,
    ROLES,
    TOKEN,
    client_document,
    make_subject,
    role_document,
)
from tests.support.processes import Line, Site, api_question, sleep_until, token_question
from tests.support.soak import rounds

REFUSED = (400, 401, 403)
WAITS = 3
"""How often an example may wait for the other process to hear of a change."""
processes = st.sampled_from([0, 1])
picks = st.integers(0, 99)


@dataclass(repr=False)
class Model:
    """What a client may do, by all that was answered."""

    client_id: str
    role_id: str
    other_role_id: str
    secret: str
    tokens: dict[str, bool]
    """Each token there ever was, and whether it is good."""
    old_secrets: list[str] = field(default_factory=list)
    state: str = "active"
    wide: bool = True
    granted: bool = True
    deleted: bool = False

    def end_tokens(self) -> None:
        self.tokens = dict.fromkeys(self.tokens, False)


class Machine(RuleBasedStateMachine):
    """Drives two processes of a site.

    Args:
        site: the installation.
        lines: a connection to each of the processes.
    """

    def __init__(self, site: Site, lines: list[Line]) -> None:
        super().__init__()
        self.site = site
        self.lines = lines
        self.changed = [float("-inf")] * 2
        """When a process last answered a change."""
        self.waits = WAITS
        self.models: list[Model] = []

    def one(self, pick: int) -> Model:
        return self.models[pick % len(self.models)]

    def manage(
        self, process: int, method: str, path: str, document: object = None
    ) -> dict[str, str]:
        answer = self.site.manage(self.lines[process], method, path, document)
        self.changed[process] = time.monotonic()
        return dict(answer or {})

    def is_exact(self, process: int) -> bool:
        """Whether a process has to know of every change; it may have to be waited for."""
        settled = self.changed[1 - process] + self.site.lag
        if time.monotonic() < settled and self.waits:
            self.waits -= 1
            sleep_until(settled)
        return time.monotonic() >= settled

    @rule(process=processes)
    def create(self, process: int) -> None:
        made = make_subject(self.site, self.lines[process])
        self.models.append(
            Model(made.client_id, made.role_id, made.other_role_id, made.secret, {made.token: True})
        )

    @rule(process=processes, pick=picks)
    @precondition(lambda self: self.models)
    def take_token(self, process: int, pick: int) -> None:
        if self.is_exact(process):
            self.check_secret(process, self.one(pick))

    @rule(process=processes, pick=picks, which=picks)
    @precondition(lambda self: self.models)
    def try_token(self, process: int, pick: int, which: int) -> None:
        if self.is_exact(process):
            model = self.one(pick)
            self.check_token(process, model, list(model.tokens)[which % len(model.tokens)])

    @rule(process=processes, pick=picks, which=picks)
    @precondition(lambda self: self.models)
    def try_old_secret(self, process: int, pick: int, which: int) -> None:
        model = self.one(pick)
        if model.old_secrets and self.is_exact(process):
            self.check_old_secret(process, model, model.old_secrets[which % len(model.old_secrets)])

    @rule(process=processes, pick=picks, which=picks)
    @precondition(lambda self: self.models)
    def end_token(self, process: int, pick: int, which: int) -> None:
        if self.is_exact(process):
            model = self.one(pick)
            token = list(model.tokens)[which % len(model.tokens)]
            status = self.lines[process].ask(api_question(token, "DELETE", TOKEN)).status
            assert status == (200 if model.tokens[token] else 401)
            self.changed[process] = time.monotonic()
            model.tokens[token] = False

    @rule(process=processes, pick=picks, state=st.sampled_from(["active", "inactive", "disabled"]))
    @precondition(lambda self: self.models)
    def set_state(self, process: int, pick: int, state: str) -> None:
        self.put(process, self.one(pick), state=state)

    @rule(process=processes, pick=picks, granted=st.booleans())
    @precondition(lambda self: self.models)
    def set_grant(self, process: int, pick: int, granted: bool) -> None:
        self.put(process, self.one(pick), granted=granted)

    def put(
        self, process: int, model: Model, *, state: str = "", granted: bool | None = None
    ) -> None:
        if model.deleted:
            return
        model.state = state or model.state
        model.granted = model.granted if granted is None else granted
        role_id = model.role_id if model.granted else model.other_role_id
        document = client_document(role_id, model.state)
        self.manage(process, "PUT", f"{CLIENTS}/{model.client_id}", document)
        if model.state == "disabled":
            model.end_tokens()

    @rule(process=processes, pick=picks, wide=st.booleans())
    @precondition(lambda self: self.models)
    def set_role(self, process: int, pick: int, wide: bool) -> None:
        model = self.one(pick)
        document = role_document(model.role_id, *(["view"] if wide else []))
        self.manage(process, "PUT", f"{ROLES}/{model.role_id}", document)
        model.wide = wide

    @rule(process=processes, pick=picks, ending=st.booleans())
    @precondition(lambda self: self.models)
    def replace_secret(self, process: int, pick: int, ending: bool) -> None:
        model = self.one(pick)
        if model.deleted:
            return
        query = "?revokeTokens=true" if ending else ""
        made = self.manage(process, "POST", f"{CLIENTS}/{model.client_id}/secret{query}")
        model.old_secrets.append(model.secret)
        model.secret = made["secret"]
        if ending:
            model.end_tokens()

    @rule(process=processes, pick=picks)
    @precondition(lambda self: len(self.models) > 1)
    def delete(self, process: int, pick: int) -> None:
        model = self.one(pick)
        if not model.deleted:
            self.manage(process, "DELETE", f"{CLIENTS}/{model.client_id}")
            model.deleted = True
            model.end_tokens()

    def check_secret(self, process: int, model: Model) -> None:
        reply = self.lines[process].ask(token_question(model.client_id, model.secret))
        if model.state == "active" and not model.deleted:
            assert reply.status == 200, reply.body
            model.tokens[reply.json()["access_token"]] = True
        else:
            assert reply.status in REFUSED

    def check_old_secret(self, process: int, model: Model, secret: str) -> None:
        assert self.lines[process].ask(token_question(model.client_id, secret)).status in REFUSED

    def check_token(self, process: int, model: Model, token: str) -> None:
        good = model.tokens[token]
        line = self.lines[process]
        assert line.ask(api_question(token, "HEAD", TOKEN)).status == (200 if good else 401)
        allowed = 200 if model.wide and model.granted else 403
        status = line.ask(api_question(token, "GET", f"{CLIENTS}?pageSize=1")).status
        assert status == (allowed if good else 401)

    def teardown(self) -> None:
        """All that there ever was, on both processes."""
        sleep_until(max(self.changed) + self.site.lag)
        for process in (0, 1):
            for model in self.models:
                for token in list(model.tokens):
                    self.check_token(process, model, token)
                for secret in model.old_secrets:
                    self.check_old_secret(process, model, secret)
                self.check_secret(process, model)


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 7200))
def test_any_sequence_over_two_processes_is_as_the_model_says(site: Site) -> None:
    # Each wait takes a second, so there are few examples where there is a lag.
    examples = rounds(4, 100) if site.lag else rounds(40, 1000)
    bounds = settings(
        max_examples=examples,
        stateful_step_count=rounds(30, 60),
        suppress_health_check=list(HealthCheck),
    )
    # The first and the last are of different nodes, where there are several.
    with site.lines([site.workers[0], site.workers[-1]]) as lines:

        class MachineHere(Machine):
            def __init__(self) -> None:
                super().__init__(site, lines)

        run_state_machine_as_test(MachineHere, settings=bounds)
