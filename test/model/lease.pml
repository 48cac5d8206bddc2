/*
 * The lease protocol of docs/protocol.md as a model that spin explores completely: one task, two delegates, one control
 * plane, AWS. Messages may be late, doubled or lost; a process may stand still for any time between two of its steps; a delegate
 * may die and come back with its journal, while what it had sent to AWS goes on; the control plane may restart, or come back
 * with an older store.
 *
 * Time is counted in ticks. Each rule can be left out with -DWITHOUT_…, and then a promise must break: lease.test.ts sees
 * to both.
 *
 *   P1  AWS is never changed under an epoch after it was changed under a later one.
 *   P2  A result is applied once.
 *   P3  No epoch is given twice.
 */
#define TTL 3          /* a lease, from when the heartbeat came */
#define FENCE 2        /* the part of it that a delegate uses, from when it sent that heartbeat */
#define CALL 1         /* a call ends within this */
#define GRACE 1        /* before the work of a lost delegate moves */
#define OFFER 1        /* an offer stands this long */
#ifndef LAST_TICK
#define LAST_TICK 8
#endif
#define EPOCHS 2       /* epochs that one generation of the store gives */
#define NOBODY 2

/* Time, and what truly happened: nobody in the model can look at it. */
byte now = 0;
byte changedUnder = 0;          /* the highest epoch under which AWS was changed */
bool applied = false;
byte given = 0;                 /* the highest epoch ever given */

/* The store of the control plane, and a backup of it. */
mtype = { QUEUED, OFFERED, LEASED, ENDED };
mtype state = QUEUED;
byte epoch = 0; byte base = 0;
byte holder = NOBODY;
byte until = 0;                 /* of the offer or lease */
byte offersFrom = 0;
byte backup = 0; bool restored = false;

/* A delegate: its journal (the epoch it works under), its memory, and a change on its way to AWS. */
typedef Delegate { byte journal; bool running; byte sent; byte call; byte callUntil }
Delegate d[2];

/* The newest message of each kind that is under way; an older one that was not read is lost. 0: none. */
byte offered[2];                /* control plane → delegate: an epoch */
byte said[2]; byte saidAt[2];   /* delegate → control plane: "I hold this epoch", and when that was sent */
byte held[2]; byte heldAt[2];   /* the answer: the lease holds, for what was sent then */
byte finished[2];               /* delegate → control plane: the result under this epoch */

#define MAX(a, b) (a > b -> a : b)

active proctype controlPlane() {
  byte w;
  do
  :: atomic { state == QUEUED && epoch < base + EPOCHS && now >= offersFrom ->
       epoch++;
       assert(epoch > given); given = epoch;                               /* P3 */
       if :: holder = 0 :: holder = 1 fi;
       state = OFFERED; until = now + OFFER; offered[holder] = epoch }
  :: atomic { state == OFFERED && now > until -> state = QUEUED; holder = NOBODY }
#ifdef WITHOUT_LEASE_TIME
  :: atomic { state == LEASED && now > 0 -> state = QUEUED; holder = NOBODY }
#else
  :: atomic { state == LEASED && now > until + GRACE -> state = QUEUED; holder = NOBODY }
#endif
  :: atomic { said[0] > 0 || said[1] > 0 ->
       if :: said[0] > 0 -> w = 0 :: said[1] > 0 -> w = 1 fi;
       if
       :: state == OFFERED && said[w] == epoch && holder == w ->
            state = LEASED; until = now + TTL; held[w] = epoch; heldAt[w] = saidAt[w]
       :: state == LEASED && said[w] == epoch && holder == w ->
            until = MAX(until, now + TTL); held[w] = epoch; heldAt[w] = saidAt[w]
       :: else
       fi;
       /* read, or read again later: a doubled message */
       if :: said[w] = 0 :: skip fi; w = 0 }
  :: atomic { finished[0] > 0 || finished[1] > 0 ->
       if :: finished[0] > 0 -> w = 0 :: finished[1] > 0 -> w = 1 fi;
       if
#ifdef WITHOUT_EPOCH_CHECK
       :: state == LEASED || state == QUEUED || state == OFFERED || (state == ENDED && finished[w] != epoch) ->
#else
       :: state == LEASED && finished[w] == epoch && holder == w ->
#endif
            assert(!applied); applied = true; state = ENDED                /* P2 */
       :: else
       fi;
       finished[w] = 0; w = 0 }
#ifdef RESTORE
  /* The backup was made when `backup` epochs had been given; now the store is that again. */
  :: atomic { !restored && state != ENDED && epoch > 0 ->
       restored = true; state = QUEUED; holder = NOBODY;
       if :: backup = 0 :: backup = epoch :: backup = epoch - 1 fi;
#ifdef WITHOUT_GENERATION
       epoch = backup;
#else
       epoch = EPOCHS + 1; base = EPOCHS + 1; given = epoch;
#endif
#ifndef WITHOUT_RESTORE_PAUSE
       offersFrom = now + TTL
#endif
     }
#endif
  od
}

proctype delegate(byte me) {
  do
  :: atomic { offered[me] > 0 ->
       if :: offered[me] > d[me].journal -> d[me].journal = offered[me]; d[me].running = false; d[me].sent = 0 :: else fi;
       offered[me] = 0 }
  /* an accept, a heartbeat, or what a process that came back says: the same to the lease */
  :: atomic { d[me].journal > 0 && (said[me] != d[me].journal || saidAt[me] != now) -> said[me] = d[me].journal; saidAt[me] = now }
  :: atomic { held[me] > 0 ->
       if
       :: held[me] == d[me].journal ->
            d[me].running = true;
#ifdef WITHOUT_SENT_TIME
            d[me].sent = now
#else
            d[me].sent = MAX(d[me].sent, heldAt[me])
#endif
       :: else
       fi;
       held[me] = 0; heldAt[me] = 0 }
#ifdef WITHOUT_FENCE
  :: atomic { d[me].running && d[me].call == 0 ->
#else
  :: atomic { d[me].running && d[me].call == 0 && now + CALL <= d[me].sent + FENCE ->
#endif
       d[me].call = d[me].journal; d[me].callUntil = now + CALL }
  :: atomic { d[me].running && d[me].call == 0 && finished[me] == 0 -> finished[me] = d[me].journal }
  /* kill -9, and a new process with the same journal */
  :: atomic { d[me].running -> d[me].running = false; d[me].sent = 0 }
  od
}

/* What is under way takes effect at some moment, or never. */
active proctype aws() {
  byte w;
  do
  :: atomic { d[0].call > 0 || d[1].call > 0 ->
       if :: d[0].call > 0 -> w = 0 :: d[1].call > 0 -> w = 1 fi;
       if :: assert(d[w].call >= changedUnder); changedUnder = d[w].call   /* P1 */
          :: skip
       fi;
       d[w].call = 0; d[w].callUntil = 0; w = 0 }
  od
}

/* Time passes, but never over the end of a call. */
active proctype time() {
  do
  :: atomic { now < LAST_TICK && (d[0].call == 0 || now < d[0].callUntil) && (d[1].call == 0 || now < d[1].callUntil) -> now++ }
  od
}

init { atomic { run delegate(0); run delegate(1) } }
