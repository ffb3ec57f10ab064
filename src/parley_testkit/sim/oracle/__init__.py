"""What must hold, one checker a rule; each sees the ports alone: signers, stores, bearers, events, submissions.

=====  =================================================================================================
C1     what a receipt covers is durable at who gave it, and so is what an officer was told is written
C2     nothing has two places in the order of arrival, and ROUTINE is shown in the order in which it was written
C3     what is shown was submitted, byte for byte, once, and by whom it says; a narrow message by its recipients
C4     a tree is held without a gap, and an entry never turns into another
C5     any two copies of an honest tree agree; roots recomputed by code that shares nothing with the product
C6     no signer signs two roots for one origin and size, nor goes back
C7     nothing leaves that states what is not durable yet
C8     once faults end, all settles within the bound (world)
C9     what two officers must release has two people's approvals of this very content, both before it
C10    who saw a receipt and then wrote, is shown after what the receipt covers
key    no key and nonce seal twice, none opens twice in one run, no salt is used twice
label  what an announce key signs begins with a label, the line and both ends
head   a store that lost what the head file remembers is not taken for whole
signed nothing is shown that lies under no signed checkpoint of its author
flash  FLASH never waits behind ROUTINE
honest no honest party is accused
proof  who signed two histories is proven to have, by a file that holds
revoked  from when a revocation was taken, nothing is taken beyond its closing heads, and no receipt by its keys
=====  =================================================================================================
"""

from parley_testkit.sim.oracle.facts import Violation
from parley_testkit.sim.oracle.judge import RULES, Oracle

__all__ = ["RULES", "Oracle", "Violation"]
