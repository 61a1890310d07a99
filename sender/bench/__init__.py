"""How fast this machine imports, plans, sends and takes receipts, each beside the plain way of doing it.

A rate alone says more of the machine than of the program, so every figure stands beside a baseline of the same run:

    run.py        which measures there are, round after round, and their medians
    sending.py    campaigns through the real processes, judged by the simulator's log; and the SDK alone
    house.py      one installation, fresh for each round
    child.py      measures that live in a process of their own: sdk.py, preparing.py, plain.py, posting.py
    show.py       the table and the JSON
"""
