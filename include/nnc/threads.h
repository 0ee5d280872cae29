/* Threads for the objects of nnc --emit object: a team that stays between calls. Compile nnc/threads.c with the program
   and link pthreads.

       nnc_team *team = nnc_threads_start(4);
       net.team = team;                           and net.memory as large as the _memory(batch, 4) of the net
       ...
       nnc_threads_end(team);

   A team serves one call at a time, of any net. */
#ifndef NNC_THREADS_H
#define NNC_THREADS_H

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A team of 1 or more members, one of which is the caller. Null where the system has no memory or no thread left. */
nnc_team *nnc_threads_start(int32_t members);
void nnc_threads_end(nnc_team *);

#ifdef __cplusplus
}
#endif

#endif
