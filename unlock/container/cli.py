"""The unlocker's command line: ``open``, ``info`` and ``verify``.

The only secret that ever stands on the command line is a link; licences and releases are files.
Results go to stdout, progress and errors to stderr, one line each.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from unlock.container import keys, papers, tlvs
from unlock.container.names import printable, safe_name
from unlock.container.offer import check_audit
from unlock.container.reader import Container, Reader, SegmentVerifier
from unlock.container.unpack import check_payload, write_bundle, write_file
from unlock.errors import ContainerError, LicenceMalformed

EXIT_REFUSED = 1
EXIT_FILES = 3
EXIT_STOPPED = 130
PAPER_MAX_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 1 << 20

Clock = Callable[[], float]


def run(arguments: Sequence[str], clock: Clock) -> int:
    """Do what the command line says and return the exit code; ``clock`` counts seconds."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "open" and bool(options.link) != bool(options.release_file):
        parser.error("--link needs --release-file beside it")
    try:
        with Path(options.file).open("rb") as file:
            commands = {"open": _open, "info": _info, "verify": _verify}
            commands[options.command](file, options, clock)
    except ContainerError as error:
        _say(f"error: {error.code}: {error.message} {error.said_hint}")
        return EXIT_REFUSED
    except FileExistsError as error:
        _say(f"error: exists: {error.args[-1]}. Choose another --output, or add --force.")
        return EXIT_FILES
    except OSError as error:
        _say(f"error: file: {error.strerror or error}: {error.filename or options.file}")
        return EXIT_FILES
    except KeyboardInterrupt:
        _say("stopped; nothing was kept")
        return EXIT_STOPPED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unlock.container", description="Open, describe or check a sealed file."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    opening = commands.add_parser("open", help="decrypt FILE")
    opening.add_argument("file", metavar="FILE")
    key = opening.add_mutually_exclusive_group(required=True)
    key.add_argument("--licence", metavar="L", help="the licence file saved after payment")
    key.add_argument("--link", metavar="URL", help="the link; needs --release-file")
    opening.add_argument("--release-file", metavar="F", help="the release file saved after payment")
    opening.add_argument("--output", metavar="PATH", help="file or folder to write")
    opening.add_argument("--force", action="store_true", help="write over what is there")
    info = commands.add_parser("info", help="describe FILE without opening it")
    info.add_argument("file", metavar="FILE")
    info.add_argument("--link", metavar="URL", help="also show the description under the link")
    verify = commands.add_parser("verify", help="check every byte of FILE")
    verify.add_argument("file", metavar="FILE")
    verify.add_argument("--licence", metavar="L", help="also check that it opens with the licence")
    verify.add_argument("--offer", metavar="O", help="also repeat the audit of this offer's JSON")
    return parser


def _open(file: BinaryIO, options: argparse.Namespace, clock: Clock) -> None:
    container = Container(file)
    reader, name = (
        _licensed(container, Path(options.licence))
        if options.licence
        else _released(container, options.link, Path(options.release_file))
    )
    target = _target(options, name)
    meter = Meter(reader.core.payload_bytes, clock)
    if reader.core.is_bundle:
        count = write_bundle(reader, target, is_forced=options.force, progress=meter.add)
        meter.end()
        _print(f"{target}: {count} files")
    else:
        write_file(reader, target, is_forced=options.force, progress=meter.add)
        meter.end()
        _print(str(target))


def _licensed(container: Container, path: Path) -> tuple[Reader, str]:
    licence = papers.parse_licence(_read_paper(path))
    reader = Reader(container, licence.content_key)
    container.check_content_id(licence.content_id)
    return reader, licence.name


def _released(container: Container, url: str, path: Path) -> tuple[Reader, str]:
    link = papers.parse_link(url)
    release = papers.parse_release(_read_paper(path))
    meta = keys.open_meta(container.core, container.tlvs, link.link_secret)
    content_key = keys.unwrap_any(
        container.core,
        keys.wraps_of(container.tlvs),
        release_secret=release.release_secret,
        link_secret=link.link_secret,
    )
    container.check_content_id(release.content_id)
    return Reader(container, content_key), meta.name or meta.title


def _read_paper(path: Path) -> bytes:
    if path.stat().st_size > PAPER_MAX_BYTES:
        raise LicenceMalformed(f"{printable(path.name)} is far too large to be a licence.")
    return path.read_bytes()


def _target(options: argparse.Namespace, name: str) -> Path:
    """An existing folder is written into, any other --output is the new name itself."""
    output = Path(options.output or ".")
    return output / safe_name(name) if output.is_dir() else output


def _info(file: BinaryIO, options: argparse.Namespace, _clock: Clock) -> None:
    container = Container(file)
    core = container.core
    _print(f"kind: {'folder of files' if core.is_bundle else 'one file'}")
    _print(f"size: {core.payload_bytes} bytes inside, {core.total_bytes} sealed")
    _print(f"segments: {core.segments}")
    _print(f"file_id: {core.file_id.hex()}")
    _print(f"content_id: {container.content_id.hex()}")
    for tlv in container.tlvs:
        if tlv.kind == tlvs.TYPE_HINT:
            _print(f"hint (not to be trusted): {printable(tlv.value.decode(errors='replace'))}")
    if options.link:
        link = papers.parse_link(options.link)
        meta = keys.open_meta(core, container.tlvs, link.link_secret)
        _print(f"title: {printable(meta.title)}")
        _print(f"name: {printable(meta.name)}")
        _print(f"type: {printable(meta.media_type)}")
        for shown in meta.files:
            _print(f"holds: {printable(shown.path)} ({shown.size_bytes} bytes)")


def _verify(file: BinaryIO, options: argparse.Namespace, clock: Clock) -> None:
    container = Container(file)
    meter = Meter(container.core.total_bytes, clock)
    if options.licence:
        reader, _ = _licensed(container, Path(options.licence))
        check_payload(reader, progress=meter.add)
        said = "whole, and opens with the licence"
    else:
        verifier = SegmentVerifier(container.core, container.index)
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            verifier.feed(chunk)
            meter.add(len(chunk))
        verifier.finish()
        said = "whole"
    meter.end()
    if options.offer:
        count = check_audit(container, _read_paper(Path(options.offer)))
        said += f"; audit: {count} of {container.core.segments} segments opened"
    _print(f"{said}; content_id {container.content_id.hex()}")


class Meter:
    """Progress on stderr: bytes done, rate and time left, on a terminal only."""

    def __init__(self, total_bytes: int, clock: Clock) -> None:
        self._total_bytes = total_bytes
        self._clock = clock
        self._began = self._shown = clock()
        self._done_bytes = 0
        self._is_live = sys.stderr.isatty()

    def add(self, size_bytes: int) -> None:
        self._done_bytes += size_bytes
        now = self._clock()
        if self._is_live and now - self._shown >= 0.2:
            self._shown = now
            sys.stderr.write(f"\r{self._line(now)}\x1b[K")
            sys.stderr.flush()

    def end(self) -> None:
        now = self._clock()
        seconds = max(now - self._began, 0.001)
        clear = "\r\x1b[K" if self._is_live else ""
        rate = self._done_bytes / seconds / 1e6
        _say(f"{clear}{self._done_bytes} bytes in {seconds:.1f} s, {rate:.0f} MB/s")

    def _line(self, now: float) -> str:
        rate = self._done_bytes / max(now - self._began, 0.001)
        left = max(0, self._total_bytes - self._done_bytes) / max(rate, 1)
        share = 100 * self._done_bytes // max(self._total_bytes, 1)
        minutes, seconds = divmod(int(left), 60)
        return f"{share} %  {rate / 1e6:.0f} MB/s  {minutes}:{seconds:02} left"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
