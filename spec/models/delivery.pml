/* Delivery, receipts, loss of state and recovery of one line, for Spin 6.5 (spec/models/README.md).
 *
 * A writes N entries, each its own tree run's next leaf; B holds a prefix durably and gives receipts for it. The
 * network loses and repeats. B may crash, which takes what is not durable, and may lose the end of what is durable
 * (a damaged log, an old copy put back): then B says with HAVE what it holds, and A goes on from there.
 *
 *   -DEARLY_RECEIPT   B gives a receipt for what it has not made durable: must be refuted
 *   -DFORGETFUL       A forgets what was receipted: B's loss is then for ever: must be refuted
 *   -DNO_FAULTS       faults end at once (for liveness, they end after FAULTS in any case)
 */
#define N 3
#ifndef FAULTS
#define FAULTS 2
#endif

mtype = { entry, receipt, query, have };
chan toB = [2] of { mtype, byte };
chan toA = [2] of { mtype, byte };

byte written;      /* A: entries durable in its own tree */
byte next;         /* A: the next entry to send */
byte receipted;    /* A: the greatest size that a receipt of B covers */
byte known;        /* A: what B has shown last that it holds: by HAVE it may go back */
byte got;          /* B: entries taken, in memory */
byte durable;      /* B: entries committed */
byte lost;         /* B: how often the disk lost something */
byte faults;
bool owes;         /* B: a receipt is due */

#define may_fail (faults < FAULTS)

inline lossy(c, m, v) {
	if
	:: nfull(c) -> c ! m, v
	:: may_fail -> faults++                       /* lost */
	fi
}

active proctype A() {
	byte v;
end:	do
	/* step[write]: an officer's entry becomes durable, then leaves */
	:: written < N -> atomic { written++ }
	/* step[send]: what the peer lacks goes out in order */
	:: next < written && nfull(toB) -> atomic { lossy(toB, entry, next); next++ }
	/* step[query]: a receipt that does not come is asked for, and what was sent is sent again */
	:: (known < written || receipted < written) && next == written && empty(toB) && empty(toA) ->
		atomic { lossy(toB, query, 0) }
	/* step[take receipt]: it covers what A sent; it never goes back */
	:: atomic { toA ? receipt, v ->
		assert(v <= written);
		assert(lost || v <= durable);
		if :: v > receipted -> receipted = v :: else fi;
		if :: v > known -> known = v :: else fi;
		v = 0 }
	/* step[take have]: what B holds is where A goes on from, whatever was receipted before */
	:: atomic { toA ? have, v ->
#ifdef FORGETFUL
		if :: v < receipted -> v = receipted :: else fi;
#endif
		known = v;
		next = v;
		v = 0 }
	od
}

active proctype B() {
	byte v;
end:	do
	/* step[take entry]: only the next one; what is known is receipted again, a gap is answered with HAVE */
	:: atomic { got - durable < 2 && nfull(toA) && toB ? [entry, v] ->
		toB ? entry, v;
		if
		:: v == got -> got++; owes = true
		:: v < got -> owes = true
		:: v > got -> lossy(toA, have, got)
		fi;
		v = 0 }
	/* step[commit]: one fsync for all that was taken */
	:: durable < got -> durable = got
	/* step[give receipt]: never for more than is durable */
#ifdef EARLY_RECEIPT
	:: owes && got > 0 && nfull(toA) -> atomic { lossy(toA, receipt, got); owes = false }
#else
	:: owes && durable == got && durable > 0 && nfull(toA) -> atomic { lossy(toA, receipt, durable); owes = false }
#endif
	/* step[answer query] */
	:: atomic { !owes && durable == got && nfull(toA) && toB ? [query, v] ->
		toB ? query, v; lossy(toA, have, got); owes = (got > 0); v = 0 }
	/* step[crash]: memory is gone; the start says what it holds. Assumed: of the two HAVE that a link's coming up
	   brings, one arrives */
	:: may_fail && nfull(toA) -> atomic { faults++; got = durable; owes = false; toA ! have, got }
	/* step[lose state]: so is the end of what was durable */
	:: may_fail && durable > 0 && nfull(toA) -> atomic { faults++; lost++; durable--; got = durable; owes = false; toA ! have, got }
	od
}

/* Every entry comes to be durable at B and receipted, once faults end. */
ltl delivered { [] ( (written == N) -> <> (durable == N && receipted == N) ) }
