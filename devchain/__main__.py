"""`python -m devchain`: the chain, its Electrum port and its control port, until a signal comes."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from devchain.automine import Automine
from devchain.control import Control
from devchain.electrum import Server
from devchain.errors import DevchainError
from devchain.node import Node
from devchain.store import Journal
from devchain.web import HttpServer


def main() -> int:
    arguments = parse_arguments()
    try:
        asyncio.run(serve(arguments))
    except DevchainError as problem:
        print(f"devchain: {problem.message} {problem.hint}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="devchain", description="A regtest chain for development and tests."
    )
    parser.add_argument(
        "--data", type=Path, default=Path("var/devchain"), help="folder to keep the chain in"
    )
    parser.add_argument("--electrum-port", type=int, default=60401)
    parser.add_argument("--http-port", type=int, default=8001)
    parser.add_argument(
        "--automine",
        type=float,
        metavar="SECONDS",
        help="mine a block this long after a transaction arrives",
    )
    return parser.parse_args()


async def serve(arguments: argparse.Namespace) -> None:
    """Runs until SIGTERM or SIGINT. Raises DevchainError where it cannot start."""
    stopped = on_signal()  # first of all: whoever reads the line below may stop us the next moment
    journal = Journal(arguments.data)
    try:
        node = Node(journal)
        control = Control(node, arguments.automine)
        electrum = Server(node.chain, port=arguments.electrum_port)
        http = HttpServer(control, port=arguments.http_port)
        await start(electrum, "--electrum-port")
        await start(http, "--http-port")
        automine = Automine(node, control)
        print(
            f"devchain ready: wallet page http://127.0.0.1:{http.port}/"
            f" electrum 127.0.0.1:{electrum.port}:t height {node.chain.ledger.height}",
            flush=True,
        )
        await stopped.wait()
        automine.stop()
        await http.stop()
        await electrum.stop()
    finally:
        journal.close()


async def start(server: Server | HttpServer, option: str) -> None:
    try:
        await server.start()
    except (OSError, OverflowError) as problem:
        raise DevchainError(
            "port_busy",
            f"port {server.port} of 127.0.0.1 cannot be used ({problem}).",
            f"Stop what runs there, or choose another with {option}.",
        ) from problem


def on_signal() -> asyncio.Event:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


if __name__ == "__main__":
    sys.exit(main())
