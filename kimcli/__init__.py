"""``kim``: seal, sell, buy and open files from a shell (docs/kim.md).

The same container, keys and calls as the pages; it needs ``cryptography`` and ``urllib3``, nothing
of Django. Secrets are prompted for, or lie in files of mode 0600; on the command line there is
never one but a link.
"""
