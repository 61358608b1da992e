"""Benchmarks: ``make bench``. How they measure and what they found is in docs/benchmarks.md."""

NOTES = "BENCH_NOTES"  # environment of the web process: the file that figures are appended to
BROWSER = "BENCH_BROWSER"  # and the file that holds the browser's process id
