#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Paints a picture through the accessibility bus alone, as a screen reader's user would.

usage: assistive.py LIMN
"""
import subprocess
import sys
import time

import pyatspi


def wait_for(what, look, seconds=180):
    """The first true answer of look()."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = look()
        except Exception:  # the tree changes under the walk
            found = None
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"waited in vain for {what}")


def application():
    desktop = pyatspi.Registry.getDesktop(0)
    for i in range(desktop.childCount):
        child = desktop.getChildAtIndex(i)
        if child and "limn" in child.name.lower():
            return child
    return None


def walk(node):
    yield node
    for i in range(node.childCount):
        child = node.getChildAtIndex(i)
        if child:
            yield from walk(child)


def find(root, role, name):
    for node in walk(root):
        if node.getRole() == role and name in node.name:
            return node
    return None


def unnamed_buttons(root):
    """Buttons that a screen reader could not tell apart."""
    roles = (pyatspi.ROLE_PUSH_BUTTON, pyatspi.ROLE_TOGGLE_BUTTON)
    return [node for node in walk(root)
            if node.getRole() in roles and not node.name and not node.description
            and not any(child.name for child in walk(node))]


def main():
    program = subprocess.Popen([sys.argv[1]])
    try:
        root = wait_for("the application", application)
        button = wait_for("Generate", lambda: find(root, pyatspi.ROLE_PUSH_BUTTON, "Generate"))
        wait_for("the list of classes", lambda: find(root, pyatspi.ROLE_LABEL, "Desert dunes"))
        width = wait_for("the width", lambda: find(root, pyatspi.ROLE_SLIDER, "Width"))
        assert width.queryValue().currentValue >= 16, "the width's slider has no value"

        button.queryAction().doAction(0)
        wait_for("the end of the run", lambda: find(root, pyatspi.ROLE_LABEL, "Done in")
                 or find(root, pyatspi.ROLE_STATUS_BAR, "Done in"))
        step = wait_for("the steps", lambda: find(root, pyatspi.ROLE_SLIDER, "Step"))
        assert step.queryValue().currentValue == step.queryValue().maximumValue
        picture = find(root, pyatspi.ROLE_IMAGE, "seed")
        assert picture, "the picture has no description"
        nameless = unnamed_buttons(root)
        assert not nameless, f"buttons without a name: {[str(node) for node in nameless]}"
        print(picture.name)
    finally:
        program.terminate()
        program.wait()


if __name__ == "__main__":
    main()
