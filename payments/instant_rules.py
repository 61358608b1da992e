"""The rules of selling before a block (docs/payments.md, instant unlock). Pure."""
