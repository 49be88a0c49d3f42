"""The process of a test's server: it serves, does what the test says, and ends with the test."""

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from grantory.errors import GrantoryError, SetupError
from grantory.http.server import bind, make_server
from grantory.observability.events import set_up_logging
from grantory.observability.log_writer import LogWriter
from grantory.registry.organizations import ADMINISTRATOR, Founding
from grantory.settings import SETTINGS, Settings, load_settings
from grantory.testing import messages
from grantory.testing.inner_call import InnerCaller
from grantory.testing.messages import Answer, Begin, Begun, Command
from grantory.testing.stage import Stage

HOST: Final = "127.0.0.1"
NOT_CHOSEN: Final = frozenset(
    {
        *("host", "port", "workers", "data_dir", "database_url", "master_key", "master_key_file"),
        *("tls.cert", "tls.key", "tls.dev"),
    }
)
"""Settings that a test cannot choose."""
MOST_BYTES: Final = 1 << 26
"""Of one line of the conversation."""
LOOK_SECONDS: Final = 1.0
STANDARD_ERROR: Final = 2


def run(descriptor: int) -> None:
    """Serves until the other end of the conversation is closed, or whoever began it is gone.

    Args:
        descriptor: of a socket that is connected to the test's process.
    """
    line = socket.socket(fileno=descriptor)
    with (
        LogWriter(STANDARD_ERROR) as lines,
        tempfile.TemporaryDirectory(prefix="grantory-testing-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        set_up_logging(lines)
        runner.run(_Process(Path(folder) / "data", lines).serve(line))


def chosen_settings(chosen: Mapping[str, Any], folder: Path, port: int) -> Settings:
    """Reads what a test has chosen.

    Args:
        chosen: values by the names of settings.
        folder: the data directory.
        port: that is listened on.

    Raises:
        SetupError: for a name that is unknown or not for tests to choose, and for a bad value.
    """
    known = {setting.name for setting in SETTINGS} - NOT_CHOSEN
    for name in chosen:
        if name not in known:
            raise SetupError(f"{name} is no setting that a test can choose")
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value
        for name, value in chosen.items()
    }
    return load_settings({**texts, "host": HOST, "port": port, "data_dir": folder}, {}).settings


class _Process:
    def __init__(self, folder: Path, lines: LogWriter) -> None:
        self._folder = folder
        self._lines = lines

    async def serve(self, line: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=line, limit=MOST_BYTES)
        try:
            begin = await _next(reader)
            if not isinstance(begin, Begin):
                return
            with bind(HOST, 0) as listener:
                try:
                    await self._begin(begin, listener, reader, writer)
                except SetupError as error:
                    await _say(writer, error=str(error))
        finally:
            writer.close()

    async def _begin(
        self,
        begin: Begin,
        listener: socket.socket,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        port = listener.getsockname()[1]
        settings = chosen_settings(begin.settings, self._folder, port)
        stage = Stage(settings, self._lines)
        founding, user_id = await stage.found()
        try:
            server = make_server(
                stage, lambda _: None, stage.room, settings.http_login_prefix, alone=True
            )
            serving = asyncio.create_task(server.serve([listener]))
            host = f"{HOST}:{port}"
            caller = InnerCaller(host, settings.http_api_prefix, settings.http_login_prefix)
            await _say(writer, _begun(founding, user_id, port))
            await _until_alone(_Conversation(stage, caller, founding).go_on(reader, writer))
        finally:
            await stage.close()
        server.wish_to_end()
        await serving


class _Conversation:
    """Does what the test says, one command after the other."""

    def __init__(self, stage: Stage, caller: InnerCaller, founding: Founding) -> None:
        self._stage = stage
        self._caller = caller
        self._first = messages.AskToken(founding.client.id, founding.secret.reveal())

    async def go_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (command := await _next(reader)) is not None:
            try:
                value = await self._do(command)
            except GrantoryError as error:
                await _say(writer, error=str(error))
            else:
                await _say(writer, value)

    async def _do(self, command: Command) -> object:
        stage = self._stage
        match command:
            case messages.Call():
                return await self._call(command)
            case messages.AskToken():
                return await self._caller.token(stage.application(), command)
            case messages.AddFault(fault):
                stage.faults.add(fault)
            case messages.ClearFaults():
                stage.faults.clear()
            case messages.Advance(seconds):
                stage.clock.advance(seconds)
            case messages.TellTime():
                return stage.clock.now_ms()
            case messages.TellRequests():
                return stage.faults.seen
            case messages.Reset():
                await stage.reset()
            case Begin():
                raise GrantoryError("the server has begun")
        return None

    async def _call(self, call: messages.Call) -> messages.Answered:
        application = self._stage.application()
        token = call.token
        if not token:
            given = await self._caller.token(application, self._first)
            if given.status != 200:
                return given
            token = given.body["access_token"]
        return await self._caller.call(application, call, token)


def _begun(founding: Founding, user_id: str, port: int) -> Begun:
    return Begun(
        port=port,
        organization_id=founding.organization.id,
        client_id=founding.client.id,
        client_name=founding.client.name,
        client_secret=founding.secret.reveal(),
        user_id=user_id,
        user_name=ADMINISTRATOR,
        user_email=founding.email,
        user_password=founding.password.reveal(),
    )


async def _next(reader: asyncio.StreamReader) -> Command | None:
    """Reads a command; None at the end of the conversation."""
    try:
        text = await reader.readline()
    except ConnectionError:
        return None
    return msgspec.json.decode(text, type=Command) if text.endswith(b"\n") else None


async def _say(writer: asyncio.StreamWriter, value: object = None, error: str = "") -> None:
    answer = Answer(msgspec.Raw(msgspec.json.encode(value)), error)
    writer.write(msgspec.json.encode(answer) + b"\n")
    with contextlib.suppress(ConnectionError):  # nobody is there to hear it: it ends then
        await writer.drain()


async def _until_alone(work: Any) -> None:
    """Works to the end, or until whoever began this process is gone.

    A process that was forked from the test's has its end of the conversation, too, and may keep it
    open.
    """
    parent = os.getppid()
    working = asyncio.create_task(work)
    while not working.done() and os.getppid() == parent:
        await asyncio.wait([working], timeout=LOOK_SECONDS)
    if working.done():
        working.result()
    working.cancel()
