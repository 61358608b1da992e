"""Staff of a story's instance, as an operator makes them, and their way into the admin."""

from __future__ import annotations

import os
import sqlite3

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Page

from kim.stack import Stack
from tests.e2e import people


def hire(stack: Stack, name: str, *, is_superuser: bool = False) -> None:
    """A moderator: staff, in the group, and no superuser unless it is asked for."""
    password = PBKDF2PasswordHasher().encode(people.PASSWORD, os.urandom(8).hex())
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        row = database.execute(
            "INSERT INTO auth_user (username, password, is_staff, is_active, is_superuser,"
            " first_name, last_name, email, date_joined) VALUES (?, ?, 1, 1, ?, '', '', '', ?)",
            (name, password, is_superuser, "2026-01-01 00:00:00"),
        )
        database.execute(
            "INSERT INTO auth_user_groups (user_id, group_id)"
            " SELECT ?, id FROM auth_group WHERE name = 'moderator'",
            (row.lastrowid,),
        )


def enter(page: Page, name: str) -> None:
    """By the password alone, as a development instance asks for no code."""
    page.goto("/admin/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(people.PASSWORD)
    page.get_by_role("button", name="Log in").click()


def decide(page: Page, reason: str) -> None:
    """What the form of a report has chosen."""
    page.locator("#reason").fill(reason)
    page.get_by_role("button", name="Decide").click()
