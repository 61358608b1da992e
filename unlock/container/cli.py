"""The unlocker's command line: ``open``, ``info`` and ``verify``.

The only secret that ever stands on the command line is a link; licences and releases are files.
FILE may be an http(s) address: then only the parts that are needed are read from there.
Results go to stdout, progress and errors to stderr, one line each.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from unlock.container import keys, papers, tlvs
from unlock.container.meter import Clock, Meter
from unlock.container.names import printable, safe_name
from unlock.container.offer import check_audit
from unlock.container.reader import Container, Reader, SegmentVerifier
from unlock.container.remote import RemoteFile, Wait, is_address
from unlock.container.unpack import check_payload, part_of, write_bundle, write_file
from unlock.errors import ContainerError, LicenceMalformed

EXIT_REFUSED = 1
EXIT_FILES = 3
EXIT_STOPPED = 130
PAPER_MAX_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 1 << 20


def run(
    arguments: Sequence[str],
    clock: Clock,
    wait: Wait = lambda _seconds: None,
    *,
    program: str = "python -m unlock.container",
) -> int:
    """Do what the command line says and return the exit code.

    ``clock`` counts seconds, ``wait`` sleeps for some before a host is asked again; ``program`` is
    what the person typed to get here.
    """
    parser = _parser(program)
    options = parser.parse_args(arguments)
    if options.command == "open" and bool(options.link) != bool(options.release_file):
        parser.error("--link needs --release-file beside it")
    try:
        with _source(options.file, wait) as file:
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
        _say("stopped")
        return EXIT_STOPPED
    return 0


def _source(name: str, wait: Wait) -> BinaryIO:
    return cast("BinaryIO", RemoteFile(name, wait)) if is_address(name) else Path(name).open("rb")


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program, description="Open, describe or check a sealed file."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    opening = commands.add_parser("open", help="decrypt FILE; goes on where it was cut")
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
    try:
        said = _write(reader, target, meter, is_forced=options.force)
    except (KeyboardInterrupt, OSError):
        if part_of(target).exists() and meter.total_done_bytes:
            _say(
                f"{meter.total_done_bytes} bytes, all checked, wait in {part_of(target)}: "
                "the same command goes on from there"
            )
        raise
    meter.end()
    _print(said)


def _write(reader: Reader, target: Path, meter: Meter, *, is_forced: bool) -> str:
    if not reader.core.is_bundle:
        write_file(reader, target, is_forced=is_forced, progress=meter)
        return str(target)
    count, renamed = write_bundle(reader, target, is_forced=is_forced, progress=meter)
    for path, written_as in renamed:
        _say(f"renamed for this disk: {printable(path)} is {printable(written_as)}")
    return f"{target}: {count} files"


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
        raise LicenceMalformed(
            "{name} is far too large to be a licence.", name=printable(path.name)
        )
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


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
