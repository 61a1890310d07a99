"""What a person may do, by role and program. Doors ask for a right by name: ``require("approve", program_id)``.

The names of earlier versions go on working: a stored "marketer" is a manager, "viewer" looks only; a door that asks for
"marketer" means whoever may write and steer, one that asks for "owner" the owner.
"""

LOOK = frozenset({"look"})
MANAGES = LOOK | {"write", "approve", "steer", "answer", "export", "erase", "shape"}

# Who may: look at campaigns and people; write drafts and segments; approve them; start, pause, cancel and halt; answer
# replies; take data out; erase a person; shape programs (their words, caps, hours, from_numbers); read the audit; own
# (users, keys, rules, release).
ROLES: dict[str, frozenset[str]] = {
    "owner": MANAGES | {"audit", "own"},
    "manager": MANAGES,
    "author": LOOK | {"write"},
    "approver": LOOK | {"approve", "steer"},
    "agent": LOOK | {"answer"},
    "auditor": LOOK | {"audit"},
    "marketer": MANAGES,
    "viewer": LOOK,
}
OFFERED = ("owner", "manager", "author", "approver", "agent", "auditor", "viewer")
RIGHTS = frozenset().union(*ROLES.values())
EARLIER: dict[str, frozenset[str]] = {
    "viewer": LOOK,
    "marketer": frozenset({"write", "steer"}),
    "owner": frozenset({"own"}),
}


def needed(asked: str) -> frozenset[str]:
    """The rights a door means by this name; KeyError for a name that nobody has, which a test would show."""
    if asked in EARLIER:
        return EARLIER[asked]
    if asked not in RIGHTS:
        raise KeyError(f"There is no right {asked!r}.")
    return frozenset({asked})


def held(*roles: str | None) -> frozenset[str]:
    """What these roles add up to; a name nobody knows gives nothing."""
    return frozenset().union(*(ROLES.get(role or "", frozenset()) for role in roles))
