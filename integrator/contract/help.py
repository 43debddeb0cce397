"""The help page."""


def page(name, location, op):
    return "todo"
