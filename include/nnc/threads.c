/* See threads.h. C99 with pthreads and the __atomic functions of gcc and clang. */
#include "threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct pool;
struct helper {
  struct pool *pool;
  pthread_t thread;
  int32_t number;
};

typedef struct pool {
  nnc_team team; /* the first, so that a team is its pool */
  nnc_barrier barrier;
  pthread_mutex_t lock;
  pthread_cond_t call, done, passed; /* a call begins, its last helper is done, a barrier is passed */
  struct helper *helpers;
  int32_t started; /* helpers that run */
  /* Under the lock: */
  uint32_t ticket; /* of the call; it changes when one begins */
  int32_t running; /* helpers in the call */
  int32_t status, ending;
  nnc_entry entry;
  nnc_context *context;
  int64_t first_step, steps;
} pool;

/* The member counts itself among the sleepers, then reads the epoch; who opens the epoch writes it, then reads the
   count. So one of them sees the other, and the lock keeps a wake from coming before the sleep. */
static void wait_at_barrier(nnc_context *context, int32_t epoch) {
  pool *p = (pool *)context->host;
  pthread_mutex_lock(&p->lock);
  __atomic_fetch_add(&p->barrier.sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&p->barrier.epoch, __ATOMIC_SEQ_CST) == epoch) pthread_cond_wait(&p->passed, &p->lock);
  __atomic_fetch_sub(&p->barrier.sleepers, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&p->lock);
}

static void wake_all(nnc_context *context) {
  pool *p = (pool *)context->host;
  pthread_mutex_lock(&p->lock);
  pthread_cond_broadcast(&p->passed);
  pthread_mutex_unlock(&p->lock);
}

static void *serve(void *argument) {
  struct helper *self = (struct helper *)argument;
  pool *p = self->pool;
  uint32_t seen = 0;
  pthread_mutex_lock(&p->lock);
  for (;;) {
    int32_t status;
    while (p->ticket == seen && !p->ending) pthread_cond_wait(&p->call, &p->lock);
    if (p->ending) break;
    seen = p->ticket;
    pthread_mutex_unlock(&p->lock);
    status = p->entry(p->context, self->number, p->first_step, p->steps);
    pthread_mutex_lock(&p->lock);
    if (status) p->status = status;
    if (--p->running == 0) pthread_cond_signal(&p->done);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

/* Spinning at a barrier is faster than sleeping, unless the one that is waited for needs the processor. */
static int32_t spins_for(int32_t members) {
#ifdef _SC_NPROCESSORS_ONLN
  return members > sysconf(_SC_NPROCESSORS_ONLN) ? 0 : 1000;
#else
  return members > 1 ? 0 : 1000;
#endif
}

static int32_t run(nnc_team *team, nnc_entry entry, nnc_context *context, int64_t first_step, int64_t steps) {
  pool *p = (pool *)team;
  int32_t status;
  p->barrier.arrived = p->barrier.epoch = p->barrier.sleepers = 0;
  context->spins = spins_for(team->threads);
  context->barrier = &p->barrier;
  context->wait = wait_at_barrier;
  context->wake = wake_all;
  context->host = p;
  pthread_mutex_lock(&p->lock);
  p->entry = entry, p->context = context, p->first_step = first_step, p->steps = steps;
  p->status = 0, p->running = p->started, p->ticket++;
  pthread_cond_broadcast(&p->call);
  pthread_mutex_unlock(&p->lock);
  status = entry(context, 0, first_step, steps);
  pthread_mutex_lock(&p->lock);
  while (p->running > 0) pthread_cond_wait(&p->done, &p->lock);
  if (!status) status = p->status;
  pthread_mutex_unlock(&p->lock);
  return status;
}

nnc_team *nnc_threads_start(int32_t members) {
  pool *p = members < 1 ? NULL : (pool *)calloc(1, sizeof *p);
  if (!p) return NULL;
  p->helpers = (struct helper *)calloc((size_t)members, sizeof *p->helpers);
  p->team.threads = members;
  p->team.run = run;
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->call, NULL);
  pthread_cond_init(&p->done, NULL);
  pthread_cond_init(&p->passed, NULL);
  while (p->helpers && p->started < members - 1) {
    struct helper *next = &p->helpers[p->started];
    next->pool = p;
    next->number = p->started + 1;
    if (pthread_create(&next->thread, NULL, serve, next)) break;
    p->started++;
  }
  if (p->helpers && p->started == members - 1) return &p->team;
  nnc_threads_end(&p->team);
  return NULL;
}

void nnc_threads_end(nnc_team *team) {
  pool *p = (pool *)team;
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->ending = 1;
  pthread_cond_broadcast(&p->call);
  pthread_mutex_unlock(&p->lock);
  while (p->started > 0) pthread_join(p->helpers[--p->started].thread, NULL);
  pthread_cond_destroy(&p->passed);
  pthread_cond_destroy(&p->done);
  pthread_cond_destroy(&p->call);
  pthread_mutex_destroy(&p->lock);
  free(p->helpers);
  free(p);
}
