"""Benchmarks: ``make bench``. How they measure and what they found is in docs/benchmarks.md."""

NOTES = "BENCH_NOTES"  # environment of the web process: the file that figures are appended to
BROWSER = "BENCH_BROWSER"  # and the file that holds the browser's process id
FILMS = "BENCH_FILMS"  # the directory with films that pages may take
CHAIN = "BENCH_CHAIN"  # the port of the devchain's control
