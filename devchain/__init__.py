"""A small honest regtest chain for development and tests. Shares no code with payments/."""
