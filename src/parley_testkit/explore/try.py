import sys, time
from parley.crypto import kdf
from parley_testkit.sim import cheap
from parley_testkit.explore.scene import begin
from parley_testkit.explore.space import Locals, Search
from parley_testkit.explore.party import Say
from parley.wire.statement import Precedence as P
from functools import lru_cache
says = {"1": (Say(0),), "2": (Say(0), Say(1)), "2f": (Say(0), Say(0, P.FLASH)), "3": (Say(0), Say(0, P.FLASH), Say(1)), "a": (Say(0, P.FLASH), Say(1, about=0), Say(0))}[sys.argv[1]]
faults = int(sys.argv[2]); most = int(sys.argv[3])
kinds = frozenset((sys.argv[4] if len(sys.argv) > 4 else "late duplicate damage disk crash cut reorder restore wipe").split())
with cheap.primitives() as spy:
    kdf.hmac_sha256 = lru_cache(1 << 18)(kdf.hmac_sha256)
    from parley.protocol.chain_state import MessageKey
    MessageKey.salt = lambda self, n: b"s" * 32
    ps = begin(2, says, spy, slow=len(sys.argv)>5)
    sp = Locals()
    t = time.process_time()
    f = Search(sp, [sp.number(p) for p in ps], [s.who for s in says], faults, kinds).run(most, print)
    print(f, time.process_time() - t)
