"""Automation (product.md T9): when something happens, if conditions hold, then actions; pure and deterministic."""
