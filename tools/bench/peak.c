// What fused multiply-adds and nothing else reach on this processor: GFLOP/s in f32, by so many threads at once.
//
//     gcc -O2 -march=native -ffp-contract=fast -pthread peak.c -o peak && ./peak 2
//
// Twelve sums in vectors of the widest register hide the latency; they stay in registers, so no memory is touched.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
typedef float Lanes __attribute__((vector_size(4 * LANES)));

enum { sums = 12, rounds = 2000000, repeats = 20 };
static pthread_barrier_t together;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float multiply_and_add(void) {
  Lanes s[sums], factor = (Lanes){0} + 0.999999f, term = (Lanes){0} + 1e-6f;
#pragma GCC unroll 12
  for (int i = 0; i < sums; ++i) s[i] = (Lanes){0} + (float)i;
  for (int r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < sums; ++i) {
      s[i] = s[i] * factor + term;
      __asm__ volatile("" : "+x"(s[i])); // neither merged nor left out
    }
  }
  float total = 0;
#pragma GCC unroll 12
  for (int i = 0; i < sums; ++i) total += s[i][0];
  return total;
}

static void* measure(void* best) {
  volatile float sink;
  for (int k = 0; k < repeats; ++k) {
    pthread_barrier_wait(&together);
    double start = now();
    sink = multiply_and_add();
    double gflops = 2.0 * sums * LANES * rounds / (now() - start) * 1e-9;
    if (gflops > *(double*)best) *(double*)best = gflops;
  }
  (void)sink;
  return 0;
}

int main(int count, char** words) {
  int threads = count > 1 ? atoi(words[1]) : 1;
  if (threads < 1 || threads > 64) return 2;
  pthread_t all[64];
  double best[64] = {0}, total = 0;
  pthread_barrier_init(&together, 0, (unsigned)threads);
  for (int t = 0; t < threads; ++t) pthread_create(&all[t], 0, measure, &best[t]);
  for (int t = 0; t < threads; ++t) pthread_join(all[t], 0), total += best[t];
  printf("%.1f\n", total);
  return 0;
}
