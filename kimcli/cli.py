"""``kim``: what the command line says, done; one line and an exit code where it fails."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from kimcli import accounts, buying, exports, moving, selling, uploads
from kimcli.accounts import Account
from kimcli.buying import Wishes
from kimcli.errors import EXIT_FILES, EXIT_REFUSED, EXIT_STOPPED, CommandFailed, FilesWrong
from kimcli.means import Means
from kimcli.selling import Terms
from kimcli.wire import Api, origin_of
from unlock.container import cli as unlocker
from unlock.errors import ContainerError

_UNLOCKER = frozenset({"open", "info", "verify"})
_SLOTS = 3
_SLOTS_MOST = 8


def run(arguments: Sequence[str], means: Means) -> int:
    """The exit code (docs/kim.md)."""
    if arguments and arguments[0] in _UNLOCKER:
        return unlocker.run(arguments, means.clock, means.wait, program="kim")
    options = _parser().parse_args(arguments)
    commands = {
        "upload": _upload, "sell": _sell, "buy": _buy, "sign-up": _sign_up, "move": _move,
    }  # fmt: skip
    try:
        commands[options.command](options, means)
    except CommandFailed as error:
        means.say(f"error: {error.code}: {error.message} {error.hint}".rstrip())
        return error.exit_code
    except ContainerError as error:
        means.say(f"error: {error.code}: {error.message} {error.said_hint}")
        return EXIT_REFUSED
    except OSError as error:
        means.say(f"error: file: {error.strerror or error}: {error.filename or ''}")
        return EXIT_FILES
    except KeyboardInterrupt:
        means.say("stopped; the same command goes on from here")
        return EXIT_STOPPED
    return 0


def _upload(options: argparse.Namespace, means: Means) -> None:
    uploaded = uploads.bring(
        _account(options, means), options.path, slots=options.slots, means=means
    )
    means.say("It is there, sealed and checked: kim sell puts the same file up without sending it.")
    means.result(uploaded.content_id.hex())


def _sell(options: argparse.Namespace, means: Means) -> None:
    text = _read_text(options.description_file)
    account = _account(options, means)
    uploaded = uploads.bring(account, options.path, slots=options.slots, means=means)
    terms = Terms(
        title=options.title or uploaded.selection.title,
        description=text,
        amount=options.price,
        currency=options.currency.upper(),
        confirmations=options.confirmations,
        is_instant=options.instant,
    )
    means.result(selling.publish(account, uploaded, terms.fields, means))


def _read_text(path: Path | None) -> str:
    try:
        return path.read_text("utf-8") if path else ""
    except UnicodeDecodeError as error:
        raise FilesWrong("not_text", f"{path} is not text in UTF-8.") from error


def _buy(options: argparse.Namespace, means: Means) -> None:
    wishes = Wishes(
        out=options.out,
        key_path=options.key_file or home() / "buyer.json",
        pay_with=options.pay_with,
        at_most_sat=options.at_most_sat,
        pays=options.pays,
        wait_seconds=options.wait_seconds,
        is_again=options.again,
        pays_again=options.pay_again,
        is_forced=options.force,
    )
    means.result(str(buying.buy(options.link, wishes, means)))


def _move(options: argparse.Namespace, means: Means) -> None:
    old = None
    if options.old:
        old = Api(origin_of(options.old), means.wait)
        old.token = accounts.given_token("KIM_OLD_TOKEN")
        if not old.token:
            message = "There is no token for the old instance."
            raise CommandFailed("token_missing", message, "Set KIM_OLD_TOKEN.")
    if options.export is not None:
        past = exports.read(options.export, old)
    elif old is not None:
        past = exports.ask(old)
    else:
        raise FilesWrong("old_missing", "Name the old instance's --export, or it with --old.")
    accounts.find_key(_key_path(options), means)
    wishes = moving.Wishes(folder=options.folder, slots=options.slots, is_dry=options.dry_run)
    account = _account(options, means)
    if not account.api.token:
        accounts.check_vault(account)
    moving.move(account, past, wishes, means)


def _sign_up(options: argparse.Namespace, means: Means) -> None:
    api = Api(origin_of(options.server), means.wait)
    accounts.sign_up(api, options.user, accounts.find_key(_key_path(options), means))
    means.say(f"The account {options.user} is made, with your key in its vault.")
    means.say("Sign in there and say where the money goes; then files can be sold.")
    means.result(f"{api.server}/settings/")


def home() -> Path:
    """Where key files and journals lie: KIM_HOME, else ``~/.config/kim``."""
    named = os.environ.get("KIM_HOME", "")
    config = os.environ.get("XDG_CONFIG_HOME", "") or Path.home() / ".config"
    return Path(named) if named else Path(config) / "kim"


def _account(options: argparse.Namespace, means: Means) -> Account:
    key_path = _key_path(options)
    api, token = Api(origin_of(options.server), means.wait), accounts.given_token()
    if token:
        return accounts.enter_by_token(api, token, options.user, key_path)
    return accounts.enter(api, options.user, key_path, means)


def _key_path(options: argparse.Namespace) -> Path:
    host = urlsplit(origin_of(options.server)).netloc.replace(":", "-")
    return Path(options.key_file or home() / f"creator-{host}-{options.user}.json")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kim", description="Seal, sell, buy and open files. docs/kim.md says more."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    uploading = commands.add_parser("upload", help="seal FILE or FOLDER and bring it to the store")
    _add_creator(uploading)
    sale = commands.add_parser("sell", help="upload it, put it up, and print the share link")
    _add_creator(sale)
    sale.add_argument("--price", required=True, metavar="2.50")
    sale.add_argument("--currency", default="EUR", help="EUR, USD, BCH, …")
    sale.add_argument("--title", default="", help="otherwise the file's name")
    sale.add_argument("--description-file", type=Path, metavar="TEXT")
    sale.add_argument("--confirmations", type=int, metavar="N")
    sale.add_argument("--instant", action="store_true", help="open before a block, where it may")
    _add_buy(commands.add_parser("buy", help="check, order, wait for the payment, open"))
    joining = commands.add_parser("sign-up", help="make an account for a key that you have")
    _add_account(joining)
    _add_move(commands.add_parser("move", help="put up here what is on sale elsewhere"))
    for name, about in (
        ("open", "decrypt a sealed file with its licence"),
        ("info", "describe a sealed file"),
        ("verify", "check every byte of a sealed file"),
    ):
        commands.add_parser(name, help=f"{about}; see kim {name} --help")
    return parser


def _add_creator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="FILE|FOLDER")
    _add_account(parser)


def _add_account(parser: argparse.ArgumentParser) -> None:
    server, user = (os.environ.get(name, "") for name in ("KIM_SERVER", "KIM_USER"))
    parser.add_argument(
        "--server", default=server, required=not server, metavar="URL", help="or KIM_SERVER"
    )
    parser.add_argument(
        "--user", default=user, required=not user, metavar="NAME", help="or KIM_USER"
    )
    parser.add_argument("--key-file", type=Path, help="made if it is not there")
    parser.add_argument(
        "--slots", type=int, choices=range(1, _SLOTS_MOST + 1), default=_SLOTS, metavar="N",
        help=f"parts on their way at once, 1 to {_SLOTS_MOST}",
    )  # fmt: skip


def _add_move(parser: argparse.ArgumentParser) -> None:
    _add_account(parser)
    parser.add_argument("--export", type=Path, metavar="FILE", help="the old instance's export")
    parser.add_argument("--old", default="", metavar="URL", help="it itself; set KIM_OLD_TOKEN")
    parser.add_argument(
        "--from", dest="folder", type=Path, metavar="DIR", help="where sealed files lie"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")


def _add_buy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("link", metavar="LINK", help="a share link, or a return link to go on")
    parser.add_argument("--out", type=Path, default=Path(), help="file or folder to write")
    parser.add_argument("--pay-with", default="", metavar="CMD", help="runs CMD URI; else shows it")
    parser.add_argument("--at-most-sat", type=int, metavar="N", help="else nothing is paid")
    parser.add_argument(
        "--pays", default="", metavar="5.00", help="where its buyer names the price"
    )
    parser.add_argument("--wait-seconds", type=float, default=86_400, metavar="N")
    parser.add_argument("--key-file", type=Path, help="made if it is not there")
    parser.add_argument("--again", action="store_true", help="buy what was bought already")
    parser.add_argument("--pay-again", action="store_true", help="run CMD though it ran before")
    parser.add_argument("--force", action="store_true", help="write over what is there")
