"""A creator's extended public key; here alone, so that tests of the pure core load no Django."""

from __future__ import annotations

# BIP-39 "abandon … about", m/44'/145'/0': nobody's money.
XPUB = (
    "xpub6ByHsPNSQXTWZ7PLESMY2FufyYWtLXagSUpMQq7Un96SiThZH2iJB1X7pwviH1WtKVeDP6K8d6xxFzzoaFzF3s"
    "8BKCZx8oEDdDkNnp4owAZ"
)
