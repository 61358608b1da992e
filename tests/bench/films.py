"""Films of two hours, made by ffmpeg: two minutes of a moving test picture with noise, sixty times
over without being encoded again, so the index is as long as a real one's and making it is quick.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

MINUTES = 2
TIMES = 60
ENCODERS = {
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "500k"),
    "av1": ("-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p", "-b:v", "500k"),
}
INDEXES = {"first": ("-movflags", "+faststart"), "last": ()}
NAMES = [f"{codec}-{index}.mp4" for codec in ENCODERS for index in INDEXES]


class NoFilms(RuntimeError):
    """ffmpeg is not there: nothing was measured."""


def make(name: str, directory: Path) -> Path:
    codec, index = name.removesuffix(".mp4").split("-")
    if not shutil.which("ffmpeg"):
        raise NoFilms("ffmpeg is not installed (apt install ffmpeg): no film was played")
    directory.mkdir(exist_ok=True)
    short, film = directory / f"{codec}-short.mp4", directory / name
    picture = f"testsrc2=size=640x360:rate=24:duration={MINUTES * 60},noise=alls=12:allf=t"
    sound = f"sine=frequency=440:duration={MINUTES * 60}"
    if not short.exists():
        _ffmpeg(
            *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
            *(*ENCODERS[codec], "-g", "48", "-c:a", "aac", "-b:a", "64k", str(short)),
        )
    again = ("-stream_loop", str(TIMES - 1), "-i", str(short), "-c", "copy")
    _ffmpeg(*again, *INDEXES[index], str(film))
    return film


def _ffmpeg(*arguments: str) -> None:
    quiet = os.environ | {"SVT_LOG": "1"}
    argv = ("ffmpeg", "-v", "error", "-nostdin", "-y", *arguments)
    subprocess.run(argv, check=True, env=quiet)
