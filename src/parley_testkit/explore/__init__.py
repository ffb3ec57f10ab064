"""The explorer: every state that a small line can come to, searched breadth first over the real ``step`` (ADR 63).

A state
    is, for each party: its ``Line`` with all that it holds, its disk, its clock, what its bearer has yet to tell it,
    and what the rules must remember of its past; the datagrams in flight; which messages were submitted; how many
    faults are left. Parties begin with a settled line behind them, each with one message in its own tree.

A move
    is one of: the first datagram of a way arrives; an officer submits a message, or acknowledges one that was shown;
    a bearer tells of a link; the next timer ends; a fault. A party steps, commits and releases as one move: while a
    commit runs its line takes nothing (D7), and nobody else sees the difference before the release. That a process
    ends before the commit is its end before the move; that it ends between commit and release is its end after the
    move, with its connections.

A fault
    is one of: a datagram comes later than a timer, or never (``late``; it may then come at any time); it comes twice,
    the second time at any time (``duplicate``); with a bit flipped (``damage``); before another that was sent sooner
    (``reorder``); the disk fails at a commit, which is then there or not (``disk``); a process ends and starts again,
    with its connections or unseen by its peers (``crash``); two parties' connection breaks with all that is in it
    (``cut``); the disk is back as it was when the search began (``restore``), or empty with the keys intact (``wipe``).

What holds
    in every state: the rules of the simulator's oracle (checks). From every state, a settled one is reached without a
    further fault (C8): every tree whole everywhere, with one root, receipted by all.

What is taken together, and why nothing is lost by it:

* A deed is carried out once for each local state, since the core reads nothing but its arguments (space.Locals).
* Two states are one when they differ only in what no later step reads (copying): caches, ages beyond the threshold that
  they are compared with, all but the newest receipt of one giver, the order among arrivals.
* A bearer keeps the order of a way, as the stream bearers do; every other order is there as a fault.
* A timer ends only once all in flight has come, or is late at the cost of a fault each; and after what bearers have to
  tell. All clocks go evenly, so the timer that is due first ends first. Clocks that jump are for the simulator.
* Primitives are the simulator's stand-ins, and all salts are one: whether a message left at once, or later by itself,
  then makes no two histories of it. That no salt is used twice is for the simulator to see.
* Heartbeats and ML-DSA-44 cosignatures, which would go on for ever, are put off beyond the end of any search.
* The bearer is slow where a scene says so: it takes a datagram at a time, and no one-time prekeys go over it.
"""
