"""Mining without being asked, as on a real network, only sooner."""

import asyncio

from devchain.chain import Change
from devchain.control import Control
from devchain.node import Node


class Automine:
    """Mines a block some seconds after the mempool stopped being empty, while the switch is on."""

    def __init__(self, node: Node, control: Control) -> None:
        self._node = node
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        node.chain.listeners.append(self._hear)
        control.on_automine = self._arm
        self._arm()

    def stop(self) -> None:
        self._node.chain.listeners.remove(self._hear)
        if self._timer:
            self._timer.cancel()

    def _hear(self, change: Change) -> None:
        del change
        self._loop.call_soon_threadsafe(self._arm)

    def _arm(self) -> None:
        seconds = self._control.automine_seconds
        if self._timer is None and seconds is not None and self._node.chain.mempool.entries:
            self._timer = self._loop.call_later(seconds, self._mine)

    def _mine(self) -> None:
        self._timer = None
        if self._control.automine_seconds is not None and self._node.chain.mempool.entries:
            self._node.chain.mine()
