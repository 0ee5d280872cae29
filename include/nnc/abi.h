/* The only interface between generated code and its host: plain C, versioned. Generated code has no undefined symbols;
   everything that it needs from its host stands in the context.

   For every function F of a module compiled with the prefix P there is

     int32_t P_call_F(nnc_context*, int32_t thread, int64_t first_step, int64_t steps)
     int64_t P_arena_F(int64_t batch, int32_t threads)

   The first runs `steps` steps (batches), numbered first_step, first_step + 1, ... Step s of the call gathers the rows
   rows[s*batch .. (s+1)*batch). Every thread of the team calls the same entry with its own number; they meet at
   barriers inside. After each step member 0 adds `batch * value` of every result of role loss or metric to
   report->sums (in order of the function's results of these roles), writes report->last, and adds to steps and
   examples. A loss that is not finite sets report->first_bad_step (when it is 0) and, if stop_on_bad, ends the call
   after that step. The floating-point mode (MXCSR, FPCR) is set on entry, whatever the host's is, and restored on exit.
   Returns 0, or NNC_OTHER_VERSION when context->version is not the one that the code was made for.

   P_arena_F says how large the arena of such a call is, or -1 when that is more than any memory has: intermediate values
   and, for each thread, what its kernels pack and collect. So an entry takes little of the stack of the thread that
   calls it. */
#ifndef NNC_ABI_H
#define NNC_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NNC_ABI_VERSION 3
#define NNC_OTHER_VERSION 1

typedef struct nnc_report {
  double* sums;           /* per loss/metric result: sum over steps of value * batch */
  double* last;           /* value in the last step */
  int64_t steps;          /* steps done by this call */
  int64_t examples;       /* sum of batch over these steps */
  int64_t first_bad_step; /* number of the first step whose loss is not finite; 0: none */
  int64_t clamped;        /* indices that were out of range and clamped */
  int64_t zero_divided;   /* integer divisions by zero */
} nnc_report;

/* A sense-reversing barrier: `arrived` counts up to threads, the last one resets it and increments `epoch`. */
typedef struct nnc_barrier {
  int32_t arrived;
  char pad0[60];
  int32_t epoch;
  int32_t sleepers; /* members that sleep in wait(); the last one to arrive calls wake() when it is not 0 */
  char pad1[56];
} nnc_barrier;

typedef struct nnc_context {
  int32_t version;        /* NNC_ABI_VERSION */
  int32_t threads;        /* members that run this entry, 1 or more */
  void* const* arguments; /* one per argument of the function, in order; null for scalars, rows, step and seed */
  void* const* results;   /* one per result, in order; a param or state that is updated in place has its argument's
                             pointer */
  void* arena;            /* P_arena_F(batch, threads) bytes, aligned to 64; best to a page */
  const double* scalars;  /* one per argument of role scalar, in order */
  const int32_t* rows;    /* row numbers, batch of them per step */
  int64_t batch;
  int64_t examples; /* length of the data columns */
  int64_t seed;
  int32_t stop_on_bad;
  int32_t spins; /* pauses at a barrier before wait() is called; 0 where there are more threads than processors */
  nnc_report* report;
  nnc_barrier* barrier;                             /* null is fine for one thread */
  void (*wait)(struct nnc_context*, int32_t epoch); /* sleeps while barrier->epoch == epoch (may return early) */
  void (*wake)(struct nnc_context*);                /* wakes all sleepers */
  void* host;                                       /* the host's own pointer, untouched */
} nnc_context;

typedef int32_t (*nnc_entry)(nnc_context*, int32_t thread, int64_t first_step, int64_t steps);
typedef int64_t (*nnc_arena)(int64_t batch, int32_t threads);

/* Who runs an entry on several threads: `run` fills in spins, barrier, wait, wake and host, calls the entry as each
   member 0 .. threads - 1, and returns once all have returned, what they returned. nnc/threads.c makes one. */
typedef struct nnc_team {
  int32_t threads; /* context->threads is that many */
  int32_t (*run)(struct nnc_team*, nnc_entry, nnc_context*, int64_t first_step, int64_t steps);
} nnc_team;

#ifdef __cplusplus
}
#endif

#endif
