/* The protocol of sending, small enough that every order of its steps can be tried (spin -search).

   One person, a cap of one text, two workers, a bell that is lost, a provider that loses answers, a list that lags,
   receipts that never come, a STOP at any moment. With ALONE there is one message, workers die at any moment and the
   bell rings twice; without it there are two messages, and the workers live. Time is left out: whatever waits for a time may happen at once, so nothing proven here depends on a clock.

   Each planted bug is a macro; tests/model/test_sending.py expects an error for every one of them and none without. */

#define MESSAGES 2
#define CAP 1
#ifdef ALONE
#define CRASHES 2
#define TRIES 2
#define RINGS 2
#else
#define CRASHES 0
#define TRIES 1
#define RINGS 1
#endif

mtype = { pending, queued, sending, unconfirmed, sent, delivered, failed, blocked, unproven }
mtype = { none, live, accepted, refused, lost, refuted, closed }
mtype = { yes, busy, fault, silence }

mtype status[MESSAGES] = pending;
mtype attempt[MESSAGES] = none;
byte bell[MESSAGES];
byte taken[MESSAGES];     /* how often the provider accepted it: what the person gets */
byte coming[MESSAGES];    /* receipts on their way */
byte tries[MESSAGES];
bool listed[MESSAGES];
bool stopped;
byte crashes;

#define unheard(m) (status[m] == queued && bell[m] == 0)
#define on_the_way(m) (attempt[m] == live || attempt[m] == accepted || attempt[m] == lost || attempt[m] == closed)
#define texts (on_the_way(0) + on_the_way(1))
#define at_rest(m) (status[m] == sent || status[m] == delivered || status[m] == failed || status[m] == blocked || status[m] == unproven)

/* One transaction under the lock of the number's row: facts are read, judged and acted upon in one step. */
inline open_gate(m) {
    passed = false;
    d_step {
#ifdef GATE_BELIEVES_WHAT_IT_READ_BEFORE
        if
        :: was_queued && !was_stopped && had_texts < CAP ->
#else
        if
        :: status[m] == queued && !stopped && texts < CAP ->
#endif
            assert(!stopped);
            assert(texts < CAP);
            status[m] = sending;
            attempt[m] = live;
            passed = true
        :: else ->
            if
            :: status[m] == queued -> status[m] = blocked
            :: else
            fi
        fi
    }
}

inline post(m) {
    d_step {
        if
        :: answer == yes || answer == fault || answer == silence ->
            taken[m]++;
            assert(taken[m] <= 1)
        :: else
        fi
    }
}

inline try_again(m) {
    if
    :: attempt[m] == live && status[m] == sending ->
        attempt[m] = refuted;
        tries[m]++;
        if
        :: tries[m] < TRIES -> status[m] = pending
        :: else -> status[m] = failed
        fi
    :: else
    fi
}

inline record(m) {
    d_step {
        if
        :: answer == yes ->
            if
            :: attempt[m] == live || attempt[m] == lost -> attempt[m] = accepted
            :: else
            fi;
#ifdef RECORD_OVERWRITES
            assert(status[m] != delivered);
            status[m] = sent
#else
            if
            :: status[m] == sending || status[m] == unconfirmed || status[m] == unproven -> status[m] = sent
            :: else
            fi
#endif
        :: answer == busy -> try_again(m)
        :: answer == fault || answer == silence ->
#ifdef FAULTS_ARE_TRIED_AGAIN
            try_again(m)
#else
            if
            :: status[m] == sending -> status[m] = unconfirmed; attempt[m] = lost
            :: else
            fi
#endif
        fi
    }
}

inline may_die() {
    if
    :: crashes < CRASHES -> crashes++; goto asleep
    :: true
    fi
}

active [2] proctype worker() {
    byte m;
    bool passed, was_queued, was_stopped;
    byte had_texts;
    mtype answer;
asleep:
    do
    :: atomic {
        if
        :: bell[0] > 0 -> bell[0]--; m = 0
        :: bell[1] > 0 -> bell[1]--; m = 1
        fi };
        d_step { was_queued = (status[m] == queued); was_stopped = stopped; had_texts = texts };
        may_die();
#ifdef POST_BEFORE_COMMIT
        if
        :: status[m] == queued && !stopped && texts < CAP -> answer = yes; post(m); may_die()
        :: else
        fi;
        open_gate(m);
        if
        :: passed -> record(m)
        :: else
        fi
#else
        open_gate(m);
        if
        :: !passed
        :: passed ->
            may_die();
            if
            :: answer = busy           /* also a permission that aged: we know that nothing was created */
            :: answer = yes
            :: answer = fault          /* 500 after it was accepted */
            :: answer = silence        /* accepted, and the connection cut */
            fi;
            post(m);
            may_die();
            record(m)
        fi
#endif
    od
}

active proctype dispatcher() {
    byte m;
    do
    :: atomic {
        if
        :: status[0] == pending -> m = 0
#ifndef ALONE
        :: status[1] == pending -> m = 1
#endif
        fi;
        if
        :: stopped -> status[m] = blocked
        :: else ->
            status[m] = queued;
            if
            :: bell[m] = 1
            :: bell[m] = RINGS         /* the broker may bring it twice */
            :: skip                    /* or not at all */
            fi
        fi }
    od
}

active proctype sweeper() {
    byte m;
    do
#ifndef LOST_BELLS_STAY_LOST
    :: atomic { unheard(0) -> status[0] = pending }
    :: atomic { unheard(1) -> status[1] = pending }
#endif
#ifndef THE_SILENT_ARE_FORGOTTEN
    :: atomic {
        if
        :: status[0] == sending -> m = 0
        :: status[1] == sending -> m = 1
        fi;
#ifdef SWEEP_SENDS_AGAIN
        status[m] = pending; attempt[m] = refuted
#else
        status[m] = unconfirmed; attempt[m] = lost
#endif
        }
#endif
    od
}

active proctype reconciler() {
    byte m;
    do
    :: atomic {
        if
        :: status[0] == unconfirmed -> m = 0
        :: status[1] == unconfirmed -> m = 1
        fi;
        if
        :: listed[m] -> status[m] = sent; attempt[m] = accepted
#ifdef ABSENCE_IS_PROOF
        :: !listed[m] -> status[m] = pending; attempt[m] = refuted
#else
        :: !listed[m] -> status[m] = unproven; attempt[m] = closed
#endif
        fi }
    od
}

active proctype provider() {
    byte m;
    do
    :: atomic {
        if
        :: taken[0] > 0 && !listed[0] -> m = 0
        :: taken[1] > 0 && !listed[1] -> m = 1
        fi;
        listed[m] = true;
        if
        :: coming[m] = RINGS
        :: coming[m] = 0
        fi }
    :: atomic {
        if
        :: coming[0] > 0 -> m = 0
        :: coming[1] > 0 -> m = 1
        fi;
        coming[m]--;
        if
        :: attempt[m] == live || attempt[m] == lost || attempt[m] == closed -> attempt[m] = accepted
        :: else
        fi;
        if
        :: status[m] == failed || status[m] == blocked
        :: else -> status[m] = delivered
        fi }
    od
}

active proctype person() {
    if
    :: atomic { stopped = true;
        if
        :: status[0] == pending || status[0] == queued -> status[0] = blocked
        :: else
        fi;
        if
        :: status[1] == pending || status[1] == queued -> status[1] = blocked
        :: else
        fi }
    :: true
    fi
}

/* When nobody can do anything any more, every message must have come to rest, and no text that came is called failed. */
active proctype judge() {
    timeout ->
    assert(at_rest(0));
#ifndef ALONE
    assert(at_rest(1));
#endif
    assert(taken[0] == 0 || (status[0] != failed && status[0] != blocked));
    assert(taken[1] == 0 || (status[1] != failed && status[1] != blocked))
}
